//! What a verifier saves that remembers signatures, over a chain that it has accepted before.

use crate::{HOST, NOW, fastest};
use handfast::pki::{CertificateDer, Purpose, Roots, ServerName, UnixTime, Verifier};
use std::hint::black_box;

pub(crate) fn report(name: &str, sent: &[CertificateDer<'_>], root: &CertificateDer<'_>) {
    let server = ServerName::try_from(HOST).unwrap();
    let now = UnixTime::since_unix_epoch(NOW);
    let verify = |remember: bool| {
        let mut roots = Roots::new();
        roots.add(root.clone()).unwrap();
        let verifier = Verifier::web_pki(roots).remember_signatures(remember);
        let server = &server;
        move || {
            black_box(verifier.verify(sent, Some(server), Purpose::Server, now).unwrap());
        }
    };
    let [verified, remembered] = fastest([&verify(false), &verify(true)]);
    println!(
        "{name}: {verified:?} where each signature is verified, {remembered:?} where both are remembered: \
         {:?} less",
        verified.saturating_sub(remembered),
    );
}
