//! `handfast get` and `handfast serve`, as a person runs them: with curl and
//! openssl on the other side, and with clients and servers of this library
//! that misbehave.
//!
//! Other programs are found at run time: where one is missing its tests are
//! shown as ignored, and fail with `HANDFAST_REQUIRE_PEERS=1`.

mod web {
    pub(crate) mod certificates;
    pub(crate) mod client;
    #[path = "../support/folder.rs"]
    pub(crate) mod folder;
    pub(crate) mod run;
    pub(crate) mod scripted;

    pub(crate) mod authority;
    pub(crate) mod curl;
    pub(crate) mod early;
    pub(crate) mod fleet;
    pub(crate) mod get;
    pub(crate) mod openssl;
    pub(crate) mod renewal;
    pub(crate) mod serve;
    pub(crate) mod stopping;
    pub(crate) mod strict;
}

use libtest_mimic::{Arguments, Trial};
use std::process::{Command, Stdio};

/// A test and the program that it needs.
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) needs: Option<&'static str>,
    pub(crate) run: Box<dyn FnOnce() + Send>,
}

fn main() {
    let required = std::env::var_os("HANDFAST_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let tests = [
        web::serve::tests(),
        web::strict::tests(),
        web::stopping::tests(),
        web::authority::tests(),
        web::renewal::tests(),
        web::get::tests(),
        web::curl::tests(),
        web::openssl::tests(),
        web::early::tests(),
        web::fleet::tests(),
    ];
    let trials = tests.into_iter().flatten().map(|Test { name, needs, run }| {
        let missing = needs.filter(|program| !is_there(program));
        let trial = Trial::test(name, move || match missing {
            Some(program) => Err(format!("{program} is not there").into()),
            None => {
                run();
                Ok(())
            }
        });
        let trial = trial.with_ignored_flag(missing.is_some() && !required);
        match needs {
            Some(program) => trial.with_kind(format!("needs {program}")),
            None => trial,
        }
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn is_there(program: &str) -> bool {
    let version = if program == "openssl" { "version" } else { "--version" };
    let ran = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}
