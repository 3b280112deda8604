//! The shim that BoringSSL's protocol suite drives: a command line around the
//! public API of `handfast`, without protocol logic of its own.
//!
//! The runner starts it once per test. Its flags say what to configure and what
//! to expect; it connects to the runner over TCP, shakes hands, echoes each
//! byte XOR 0xff, and tells in its exit code and on standard error how it went.
//! `README.md` beside it says how to run the suite.

mod compare;
mod errors;
mod flags;
mod reasons;
mod run;
mod watch;

use flags::{Refusal, Run};
use std::process::exit;

/// What the runner takes for "this shim does not have that".
const UNIMPLEMENTED: i32 = 89;
/// What the runner takes for a failure even where a test expects one.
const ALWAYS_FAILS: i32 = 90;

fn main() {
    // A panic must not pass for the failure that a test expects.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        exit(ALWAYS_FAILS);
    }));
    let flags = match Run::parse(std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(Refusal::HandshakerAsked) => {
            println!("No");
            return;
        }
        Err(Refusal::Unimplemented(flag, reason)) => {
            eprintln!("{flag}: {reason}");
            exit(UNIMPLEMENTED);
        }
        Err(Refusal::Unknown(flag)) => {
            eprintln!("{flag} is neither implemented nor listed as left out");
            exit(ALWAYS_FAILS);
        }
    };
    match run::run(&flags) {
        Ok(()) => {}
        Err(run::Failure::Unimplemented(reason)) => {
            eprintln!("{reason}");
            exit(UNIMPLEMENTED);
        }
        Err(run::Failure::Failed(message)) => {
            eprintln!("{message}");
            exit(1);
        }
        Err(run::Failure::Broken(message)) => {
            eprintln!("{message}");
            exit(ALWAYS_FAILS);
        }
    }
}
