//! The words of the command line: subcommands, help, output formats and exit codes.
//! In come arguments and the environment; each command has a file with a `run` that does its work through the other rooms.
//! Out go data on stdout, talk on stderr and an [`Exit`]; no command holds logic that a service needs.

mod args;
mod args_finance;
mod carrier;
mod completions;
mod config;
mod context;
mod dev;
mod dlq;
mod exceptions;
mod explain;
mod finance;
mod freight;
mod normalize;
mod run;
mod schemas;
mod topics;
mod validate;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::config::Error as ConfigError;
use crate::domain::verdict::Code;
use crate::telemetry::{SystemClock, mask};

pub use args::{Cli, Command, Form, Output};
pub use context::Context;

/// How a command ended. Usage errors (2) are told by the argument parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: it could not be done.
    Failed,
    /// 2: it was asked for in the wrong way.
    Usage,
    /// 3: it was done and something was found that a person should see.
    Findings,
}

impl Exit {
    /// The number that the shell gets.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Findings => 3,
        }
    }

    /// The one of two ends of which somebody has to hear first.
    fn worse(self, other: Self) -> Self {
        if self == Self::Done { other } else { self }
    }
}

/// The whole program: arguments, environment, stdout and stderr of this process.
pub fn main() -> ExitCode {
    let environment = crate::config::environment();
    let exit = answer(std::env::args_os(), environment, &mut std::io::stdout().lock(), &mut std::io::stderr());
    ExitCode::from(exit.code())
}

/// One command from its arguments to its exit code.
pub fn answer(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Vec<(String, String)>,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(told) => {
            // Asked-for help is data; the rest is talk. A reader who has gone away is no failure.
            if told.use_stderr() {
                let _ = write!(talk, "{}", told.render());
                return Exit::Usage;
            }
            let _ = write!(out, "{}", told.render());
            return Exit::Done;
        }
    };
    let clock = SystemClock::new();
    let csv = cli.output == Some(Form::Csv);
    if csv && !matches!(cli.command, Command::Finance(_)) {
        let _ = writeln!(talk, "error: only finance report is told as csv");
        return Exit::Usage;
    }
    let output = match cli.output {
        Some(Form::Json) => Output::Json,
        Some(Form::Table | Form::Csv) => Output::Table,
        None => cli.command.usual_output(),
    };
    let mut context = Context::new(cli.config, output, environment, (out, &mut *talk), &clock);
    context.csv = csv;
    let ended = dispatch(cli.command, &mut context).and_then(|exit| {
        context.out.flush()?;
        Ok(exit)
    });
    match ended {
        Ok(exit) => exit,
        // `waybill … | head` has read all that it wanted.
        Err(error) if is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            let _ = tell(talk, &error);
            Exit::Failed
        }
    }
}

fn dispatch(command: Command, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    match command {
        Command::Dev(args) => dev::run(&args, context),
        Command::Run(args) => run::run(&args, context),
        Command::Normalize(args) => normalize::run(&args, context),
        Command::Freight(args) => freight::run(&args, context),
        Command::Validate(args) => validate::run(&args, context),
        Command::Topics(args) => topics::run(&args, context),
        Command::Schemas(args) => schemas::run(&args, context),
        Command::Carrier(args) => carrier::run(&args, context),
        Command::Dlq(args) => dlq::run(&args, context),
        Command::Exceptions(args) => exceptions::run(&args, context),
        Command::Finance(args) => finance::run(&args, context),
        Command::Config(args) => config::run(&args, context),
        Command::Explain(args) => explain::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
    }
}

/// What commands wait for the network with.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

fn tell(talk: &mut dyn Write, error: &anyhow::Error) -> std::io::Result<()> {
    if let Some(ConfigError::Findings(findings)) = error.downcast_ref::<ConfigError>() {
        writeln!(talk, "error: the configuration cannot be used ({})", Code::CONFIG)?;
        for finding in findings {
            writeln!(talk, "  {finding}")?;
        }
        return Ok(());
    }
    writeln!(talk, "error: {}", mask::text(&format!("{error:#}")))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
