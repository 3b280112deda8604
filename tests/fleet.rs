//! Machines that share a real Redis. Where there is none the tests are ignored; with
//! `HANDFAST_REQUIRE_PEERS=1` in the environment they fail instead.

#[path = "support/folder.rs"]
#[allow(dead_code)]
mod folder;
#[path = "support/pair.rs"]
#[allow(dead_code)]
mod pair;
#[path = "interop/program.rs"]
#[allow(dead_code)]
mod program;

#[path = "fleet/log.rs"]
mod log;
#[path = "fleet/redis.rs"]
mod redis;

#[path = "fleet/adapters.rs"]
mod adapters;
#[path = "fleet/flights.rs"]
mod flights;
#[path = "fleet/keys.rs"]
mod keys;
#[path = "fleet/outages.rs"]
mod outages;
#[path = "fleet/register.rs"]
mod register;
#[path = "fleet/sessions.rs"]
mod sessions;

use libtest_mimic::{Arguments, Failed, Trial};

/// A name, and what is to be tried.
pub(crate) struct Case {
    name: &'static str,
    run: fn() -> Result<(), Failed>,
}

pub(crate) fn case(name: &'static str, run: fn() -> Result<(), Failed>) -> Case {
    Case { name, run }
}

fn main() {
    let found = program::find("redis-server").is_some();
    let required = std::env::var_os("HANDFAST_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let trial =
        |Case { name, run }| match found {
            true => Trial::test(name, run),
            false => Trial::test(format!("{name} (needs redis-server)"), || {
                Err("redis-server is not installed".into())
            })
            .with_ignored_flag(!required),
        };
    let cases = [
        keys::cases(),
        register::cases(),
        outages::cases(),
        flights::cases(),
        sessions::cases(),
        adapters::cases(),
    ];
    let trials = cases.into_iter().flatten().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
