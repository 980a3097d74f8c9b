//! What can be typed about cases and freight, with its help.

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::finance::facts::DecisionKind;
use crate::domain::finance::report::Period;

/// `exceptions`.
#[derive(Debug, Args)]
pub struct ExceptionsArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ExceptionsAction,
}

/// What to do with cases.
#[derive(Debug, Subcommand)]
pub enum ExceptionsAction {
    /// One line each: what it is about and what is proposed, the oldest first
    List {
        /// Which of them
        #[arg(long, value_enum, default_value_t = CaseState::Open)]
        state: CaseState,
        /// Only those of this kind
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 1000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
        limit: usize,
    },
    /// Decide about a billed charge that is not as expected
    Resolve {
        /// Id of the case
        exception_id: String,
        /// What is to be done
        #[arg(value_enum)]
        decision: DecisionWord,
        /// Who decides; the user of this shell, unless given
        #[arg(long, value_name = "LOGIN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        by: Option<String>,
    },
}

/// Which cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CaseState {
    /// Those that wait for somebody
    Open,
    /// The settled ones too
    All,
}

/// What is to be done about a billed charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecisionWord {
    /// It is paid as billed
    Accept,
    /// It is not paid
    Reject,
}

impl From<DecisionWord> for DecisionKind {
    fn from(word: DecisionWord) -> Self {
        match word {
            DecisionWord::Accept => Self::Accept,
            DecisionWord::Reject => Self::Reject,
        }
    }
}

/// `finance`.
#[derive(Debug, Args)]
pub struct FinanceArgs {
    /// What to do
    #[command(subcommand)]
    pub action: FinanceAction,
}

/// What to tell about freight.
#[derive(Debug, Subcommand)]
pub enum FinanceAction {
    /// What was accrued, adjusted, reversed and settled in a month, and what is open at its end
    Report {
        /// The month that entries are booked in
        #[arg(long, value_name = "YYYY-MM", value_parser = period)]
        period: Period,
    },
}

fn period(text: &str) -> Result<Period, String> {
    Period::parse(text).ok_or_else(|| "write it as 2026-11".to_owned())
}
