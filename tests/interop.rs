//! Other implementations of TLS, in both roles, on loopback.
//!
//! The programs are found when the tests run. Where one is not installed its
//! cases are ignored, and their names say what they need; with
//! `HANDFAST_REQUIRE_PEERS=1` in the environment they fail instead.

#[path = "interop/certificates.rs"]
mod certificates;
#[path = "interop/program.rs"]
mod program;

#[path = "interop/ours.rs"]
mod ours;

#[path = "interop/early_data.rs"]
mod early_data;
#[path = "interop/gnutls.rs"]
mod gnutls;
#[path = "interop/go.rs"]
mod go;
#[path = "interop/made.rs"]
mod made;
#[path = "interop/openssl.rs"]
mod openssl;
#[path = "interop/openssl12.rs"]
mod openssl12;
#[path = "interop/pre_shared.rs"]
mod pre_shared;
#[path = "interop/preferences.rs"]
mod preferences;
#[path = "interop/sessions.rs"]
mod sessions;
#[cfg(feature = "static-rsa")]
#[path = "interop/static_rsa.rs"]
mod static_rsa;
#[path = "interop/web.rs"]
mod web;

use libtest_mimic::{Arguments, Failed, Trial};

/// A name, and what is to be tried.
pub(crate) struct Case {
    name: String,
    run: Box<dyn FnOnce() -> Result<(), Failed> + Send>,
}

pub(crate) fn case(
    name: impl Into<String>,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Case {
    Case { name: name.into(), run: Box::new(run) }
}

/// Trials of the cases, which need this program.
fn trials(program: &'static str, cases: Vec<Case>) -> Vec<Trial> {
    let found = program::find(program).is_some();
    let required = std::env::var_os("HANDFAST_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let trial = |Case { name, run }| match found {
        // Built before anybody waits for it.
        true if program == "go" => Trial::test(name, || go::peer().and_then(|_| run())),
        true => Trial::test(name, run),
        false => Trial::test(format!("{name} (needs {program})"), move || {
            Err(format!("{program} is not installed").into())
        })
        .with_ignored_flag(!required),
    };
    cases.into_iter().map(trial).collect()
}

/// The same for what a program that is installed may lack: nobody can require it.
fn not_built(what: &'static str, cases: Vec<Case>) -> Vec<Trial> {
    let ignored = |Case { name, .. }| {
        let why = move || Err(format!("this is no {what}").into());
        Trial::test(format!("{name} (needs {what})"), why).with_ignored_flag(true)
    };
    cases.into_iter().map(ignored).collect()
}

fn main() {
    let arguments = Arguments::from_args();
    let tried = [
        trials("openssl", openssl::cases()),
        trials("openssl", openssl12::cases()),
        trials("openssl", preferences::cases()),
        trials("openssl", made::cases()),
        trials("go", go::cases()),
        trials("gnutls-cli", gnutls::client_cases()),
        trials("gnutls-serv", gnutls::server_cases()),
        trials("openssl", pre_shared::openssl_cases()),
        trials("gnutls-cli", pre_shared::gnutls_client_cases()),
        trials("gnutls-serv", pre_shared::gnutls_server_cases()),
        trials("openssl", sessions::openssl_cases()),
        trials("openssl", early_data::openssl_cases()),
        trials("gnutls-cli", early_data::gnutls_client_cases()),
        trials("gnutls-serv", early_data::gnutls_server_cases()),
        trials("go", early_data::go_cases()),
        trials("go", sessions::go_cases()),
        trials("gnutls-cli", sessions::gnutls_client_cases()),
        trials("gnutls-serv", sessions::gnutls_server_cases()),
        #[cfg(feature = "static-rsa")]
        trials("openssl", static_rsa::openssl_cases()),
        #[cfg(feature = "static-rsa")]
        trials("gnutls-cli", static_rsa::gnutls_client_cases()),
        #[cfg(feature = "static-rsa")]
        trials("gnutls-serv", static_rsa::gnutls_server_cases()),
        trials("curl", web::curl_cases()),
        if early_data::curl_has_it() {
            trials("curl", early_data::curl_cases())
        } else {
            not_built("curl with --tls-earlydata", early_data::curl_cases())
        },
        trials("nginx", web::nginx_cases()),
    ];
    let tried = tried.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&arguments, tried);
    certificates::certificates().remove();
    conclusion.exit();
}
