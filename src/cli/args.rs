//! What can be typed, with its help.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::args_finance::{ExceptionsArgs, FinanceArgs};
use crate::config::Service;
use crate::domain::time::{Micros, parse_rfc3339};
use crate::domain::verdict::Code;

const EXAMPLES: &str = "\
Examples:
  waybill dev                                      everything in one process, nothing to install
  waybill run shipment-tracker --config prod.yaml  one service, one process
  waybill normalize --source ups payload.json      what waybill makes of a payload
  waybill validate --online                        before a deployment
  waybill explain WB-0104                          what a code means and what to do

Exit codes: 0 done, 1 failed, 2 usage, 3 findings. Data goes to stdout, talk to stderr.";

/// Turns what carriers say about parcels into what Odoo, customers and finance can rely on.
#[derive(Debug, Parser)]
#[command(name = "waybill", version = version(), after_help = EXAMPLES, max_term_width = 120)]
pub struct Cli {
    /// Settings over the built-in defaults (YAML)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What data on stdout looks like; table, unless a command is made for programs
    #[arg(long, global = true, value_enum)]
    pub output: Option<Form>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

fn version() -> &'static str {
    match option_env!("WAYBILL_COMMIT") {
        Some(commit) if !commit.is_empty() => concat_version(commit),
        _ => env!("CARGO_PKG_VERSION"),
    }
}

fn concat_version(commit: &str) -> &'static str {
    // Asked for once per process.
    Box::leak(format!("{} ({commit})", env!("CARGO_PKG_VERSION")).into_boxed_str())
}

/// What data on stdout looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Columns for people
    Table,
    /// JSON for programs
    Json,
}

/// What data on stdout may be asked to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Columns for people
    Table,
    /// JSON for programs
    Json,
    /// Comma-separated values for spreadsheets, of `finance report` alone
    Csv,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process, with nothing installed, and play sample events through
    #[command(after_help = "Examples:\n  waybill dev\n  waybill dev --exit-when-idle --output json")]
    Dev(DevArgs),
    /// Run one service
    #[command(after_help = "Example:\n  waybill run carrier-normalizer --config waybill.yaml")]
    Run(RunArgs),
    /// Print the canonical records of payloads as JSON lines, with no broker
    #[command(
        after_help = "Examples:\n  waybill normalize --source ups payload.json\n  waybill normalize --source easypost --output table *.json\n  cat status.edi | waybill normalize --source x12_214 -\n\nWhat a service would dead-letter is told on stderr with its code, and the exit code is 3."
    )]
    Normalize(NormalizeArgs),
    /// Look at carriers' billing files and send them
    #[command(
        after_help = "Examples:\n  waybill freight check --source ups_billing invoice.csv\n  waybill freight send --source fedex_billing --output json *.csv\n\nA file of any size is cut into raw records of one row each, so that a row that cannot be read is dead-lettered alone. Sending a\nfile twice does no harm. Exit code 3: a row cannot be read, or an invoice does not tie to its total."
    )]
    Freight(FreightArgs),
    /// Check the configuration, and with --online what it points to
    #[command(after_help = "Examples:\n  waybill validate --config waybill.yaml\n  waybill validate --online --output json")]
    Validate(ValidateArgs),
    /// Compare the cluster's topics with topics.yaml, or make them so
    #[command(
        after_help = "Examples:\n  waybill topics diff\n  waybill topics apply --replication 3\n\nExit code 3: something differs, or is left after applying."
    )]
    Topics(TopicsArgs),
    /// Check schemas for compatibility, or register them
    #[command(
        after_help = "Examples:\n  waybill schemas check\n  waybill schemas check --online\n  waybill schemas register --config prod.yaml"
    )]
    Schemas(SchemasArgs),
    /// Describe a carrier in a file, try the file on its examples, and find codes that no table knows
    #[command(
        after_help = "Examples:\n  waybill carrier new acme --sample push.json --dir carriers\n  waybill carrier test acme --dir carriers\n  waybill carrier coverage ups --limit 50000\n\nThe directory is carriers.dir of the configuration, unless --dir names another. src/carriers/README.md has the seven steps and\nevery key. Exit code 3: an example came otherwise, something is not filled in, or a code is unknown."
    )]
    Carrier(CarrierArgs),
    /// Look at dead letters and send them again
    #[command(
        after_help = "Examples:\n  waybill dlq list --group\n  waybill dlq list --service carrier-normalizer --code WB-0108\n  waybill dlq show carrier-normalizer 3:17 --reveal\n  waybill dlq replay --service carrier-normalizer --code WB-0108 --dry-run\n\nA replayed letter stays where it is; sending it twice is told apart as a repetition where its events are already known."
    )]
    Dlq(DlqArgs),
    /// Look at cases for people, and decide those about billed charges
    #[command(
        after_help = "Examples:\n  waybill exceptions list\n  waybill exceptions list --kind freight_over_billed --output json\n  waybill exceptions resolve 5b0c6a2e-6a3f-5f0e-8c1d-2f4f0d9f6a11 accept --by alice\n\naccept: it is paid as billed; reject: it is not, claim it from the carrier. Of two decisions about one case the earlier counts;\nthe same one again does no harm."
    )]
    Exceptions(ExceptionsArgs),
    /// Tell what freight came to in a month
    #[command(
        after_help = "Examples:\n  waybill finance report --period 2026-11\n  waybill finance report --period 2026-11 --output csv > freight.csv\n\nAll entries are read. Sums are in the company's currency, positive where more is owed: carried + accrued + adjusted + reversed +\nsettled = open. Exit code 3: the report does not tie to the entries to the cent."
    )]
    Finance(FinanceArgs),
    /// Show the settings and where each came from
    #[command(after_help = "Example:\n  waybill config show --config waybill.yaml")]
    Config(ConfigArgs),
    /// Tell what a code means and what to do
    #[command(after_help = "Examples:\n  waybill explain WB-0104\n  waybill explain")]
    Explain(ExplainArgs),
    /// Print the completions of a shell
    #[command(after_help = "Example:\n  waybill completions bash > /etc/bash_completion.d/waybill")]
    Completions(CompletionsArgs),
}

impl Command {
    /// What data looks like when nobody says.
    pub fn usual_output(&self) -> Output {
        match self {
            Self::Normalize(_) => Output::Json,
            _ => Output::Table,
        }
    }
}

/// `dev`.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// End with a conservation report once everything is processed
    #[arg(long)]
    pub exit_when_idle: bool,
}

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which service
    #[arg(value_parser = service())]
    pub service: Service,
}

fn service() -> impl TypedValueParser<Value = Service> {
    PossibleValuesParser::new(Service::ALL.map(|service| PossibleValue::new(service.as_str()).help(service.doc())))
        .try_map(|name| name.parse::<Service>())
}

/// Any source: the built-in ones are told to the shell, others are described in files.
#[derive(Clone)]
struct SourceHint;

impl TypedValueParser for SourceHint {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&clap::Arg>, value: &std::ffi::OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(crate::carriers::SOURCES.iter().map(|source| PossibleValue::new(*source))))
    }
}

/// `normalize`.
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// Whose dialect the payloads are in
    #[arg(long, value_name = "SOURCE", value_parser = SourceHint, hide_possible_values = true)]
    pub source: String,
    /// When the payloads reached us; now, unless given
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub received_at: Option<Micros>,
    /// Files with one payload each; - is stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

fn moment(text: &str) -> Result<Micros, String> {
    parse_rfc3339(text).ok_or_else(|| "write it with its offset, as 2026-11-20T08:15:00+01:00".to_owned())
}

/// `freight`.
#[derive(Debug, Args)]
pub struct FreightArgs {
    /// What to do
    #[command(subcommand)]
    pub action: FreightAction,
}

/// What to do with billing files.
#[derive(Debug, Subcommand)]
pub enum FreightAction {
    /// Tell what each invoice comes to and which rows cannot be read, with no broker
    Check(BillingFiles),
    /// Send the rows to the raw topic of their source, and tell the same
    Send(BillingFiles),
}

/// Which billing files.
#[derive(Debug, Args)]
pub struct BillingFiles {
    /// What form the files have
    #[arg(long, value_name = "SOURCE", value_parser = PossibleValuesParser::new(crate::carriers::billing::SOURCES))]
    pub source: String,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Ask the cluster, the registry and Odoo too
    #[arg(long)]
    pub online: bool,
    /// Check also what this service needs
    #[arg(long, value_parser = service())]
    pub service: Option<Service>,
}

/// `topics`.
#[derive(Debug, Args)]
pub struct TopicsArgs {
    /// What to do
    #[command(subcommand)]
    pub action: TopicsAction,
}

/// What to do with topics.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum TopicsAction {
    /// Tell what differs; exit code 3 when something does
    Diff,
    /// Create what is missing and set what can be set; partitions, and settings that would delete records, are left to you
    Apply {
        /// Copies of each record in topics that are created; the brokers' default, unless given
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=100))]
        replication: Option<i32>,
    },
}

/// `schemas`.
#[derive(Debug, Args)]
pub struct SchemasArgs {
    /// What to do
    #[command(subcommand)]
    pub action: SchemasAction,
}

/// What to do with schemas.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum SchemasAction {
    /// Check every schema against every earlier version
    Check {
        /// Against the versions in the registry too
        #[arg(long)]
        online: bool,
    },
    /// Register the schemas with their compatibility
    Register,
}

/// `carrier`.
#[derive(Debug, Args)]
pub struct CarrierArgs {
    /// What to do
    #[command(subcommand)]
    pub action: CarrierAction,
}

/// What to do with a carrier.
#[derive(Debug, Subcommand)]
pub enum CarrierAction {
    /// Draft the description of a source from a sample; what the sample does not tell is marked to be filled in
    New {
        /// Id of the source: lower case letters, digits, underscores
        id: String,
        /// A message as the source sends it: JSON, XML or CSV
        #[arg(long, value_name = "FILE")]
        sample: PathBuf,
        /// Directory of descriptions
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Check a description and run its examples
    Test {
        /// Id of the source
        id: String,
        /// Directory of descriptions
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Codes on the topic of a source, built in or described, that no table knows
    Coverage {
        /// Id of the source
        id: String,
        /// Look at the newest so many records at most
        #[arg(long, default_value_t = 100_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
        limit: usize,
    },
}

/// `dlq`.
#[derive(Debug, Args)]
pub struct DlqArgs {
    /// What to do
    #[command(subcommand)]
    pub action: DlqAction,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqAction {
    /// One line each: code, cause, where it came from
    List {
        /// Whose dead letters; everybody's, unless given
        #[arg(long, value_parser = service())]
        service: Option<Service>,
        /// Count them by code instead
        #[arg(long)]
        group: bool,
        /// Which ones
        #[command(flatten)]
        filter: DlqFilter,
    },
    /// One dead letter with its headers
    Show {
        /// Whose dead letter
        #[arg(value_parser = service())]
        service: Service,
        /// Its place in the dead letter topic
        #[arg(value_name = "PARTITION:OFFSET", value_parser = place)]
        at: (i32, i64),
        /// Print the original bytes and all headers: they may hold personal data
        #[arg(long)]
        reveal: bool,
    },
    /// Send dead letters to the partitions they came from
    Replay {
        /// Whose dead letters
        #[arg(long, value_parser = service())]
        service: Service,
        /// Which ones
        #[command(flatten)]
        filter: DlqFilter,
        /// Only tell what would be sent
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct DlqFilter {
    /// Only those with this code
    #[arg(long, value_name = "WB-nnnn", value_parser = code)]
    pub code: Option<Code>,
    /// At most so many
    #[arg(long, default_value_t = 1000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub limit: usize,
}

fn place(text: &str) -> Result<(i32, i64), String> {
    let parts = text.split_once(':').and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    parts.filter(|(partition, offset)| *partition >= 0 && *offset >= 0).ok_or_else(|| "write it as 3:17".to_owned())
}

fn code(text: &str) -> Result<Code, String> {
    let number = text.get(..3).filter(|start| start.eq_ignore_ascii_case("wb-")).and_then(|_| text.get(3..)).unwrap_or(text);
    number.parse().map(Code).map_err(|_| "write it as WB-0104".to_owned())
}

/// `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with settings.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigAction {
    /// Each value and where it came from; secrets are masked
    Show,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The code, such as WB-0104; without it all codes are listed
    pub code: Option<String>,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
