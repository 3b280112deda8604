//! The command line tool.
//!
//! ```text
//! main -> args (what was asked) -> a command's folder
//!              trust, parameters: the options that the commands share
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

mod args;
mod exit;
mod explain;
mod flags;
mod get;
mod idle;
mod parameters;
mod serve;
mod text;
mod trust;
mod verify;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Explain(asked) => explain::run(&asked),
        Command::Get(asked) => get::run(&asked),
        Command::Serve(asked) => serve::run(&asked),
        Command::Verify(asked) => verify::run(&asked),
    }
    .into()
}
