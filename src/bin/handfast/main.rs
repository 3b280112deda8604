//! The command line tool.
//!
//! ```text
//! main -> args (what was asked) -> a command's folder
//!              trust, parameters: the options that the commands share
//!              authority: certificates of our own
//!              output: where all of them write
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

mod args;
mod authority;
mod certificate;
mod container;
mod exit;
mod explain;
mod flags;
mod get;
mod idle;
mod output;
mod paper;
mod parameters;
mod private;
mod psk;
mod serve;
mod sessions;
mod text;
mod times;
mod trust;
mod verify;

use args::{Cli, Command};
use clap::Parser;
use exit::Exit;
use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = match Cli::try_parse().map(|cli| cli.command) {
        Ok(Command::Explain(asked)) => explain::run(&asked),
        Ok(Command::Get(asked)) => get::run(&asked),
        Ok(Command::Serve(asked)) => serve::run(&asked),
        Ok(Command::Verify(asked)) => verify::run(&asked),
        Err(usage) => say(&usage),
    };
    output::end(exit).into()
}

/// What was asked of the command line itself, or what is wrong with it.
fn say(usage: &clap::Error) -> Exit {
    match usage.use_stderr() {
        true => {
            let _nobody_listens = usage.print();
            Exit::Misuse
        }
        false => {
            output::note(usage.print());
            Exit::Success
        }
    }
}
