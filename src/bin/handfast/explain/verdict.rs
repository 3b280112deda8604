//! The verdict in one sentence: what stands above the story.

use super::failure::Failure;
use super::negotiated::Negotiated;
use super::second::Second;
use super::story::INSECURE;
use super::target::Target;
use super::telling::Telling;
use crate::args::Explain;
use crate::certificate;
use crate::exit::Exit;
use crate::text::{SHORT, clean, joined};
use handfast::pki::{Certificate, CertificateDer, UnixTime};
use handfast::wire::{NamedGroup, ProtocolVersion};
use handfast::{AlertDescription, Error};

/// What is known at the end beside the events.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) target: String,
    /// Where it was connected to.
    pub(super) address: Option<Target>,
    /// The name that was asked for.
    pub(super) host: String,
    /// Whether public authorities are trusted, and held to their own limits.
    pub(super) public: bool,
    /// What to mind about the certificate.
    pub(super) remarks: Vec<String>,
    /// How this side came to trust the peer, in words.
    pub(super) trust: String,
    /// The pin of the peer's key.
    pub(super) pin: Option<String>,
    pub(super) server_reasons: Vec<(&'static str, &'static str)>,
    /// What became of a second connection, where one was asked for.
    pub(super) second: Option<Second>,
}

/// Of a handshake that is complete.
pub(super) fn complete(outcome: &Outcome, told: &Telling, now: UnixTime) -> String {
    let (negotiated, tally) = (&told.negotiated, &told.tally);
    let mark = if outcome.trust.starts_with(INSECURE) { INSECURE } else { "OK" };
    let version = negotiated.version.map_or("TLS".to_owned(), |version| version.to_string());
    let mut parts = vec![format!("{mark}: {version} with {}", clean(&outcome.host))];
    let leaf = negotiated.chain.first().map(|der| CertificateDer::from(&der[..]));
    if let Some(read) = leaf.as_ref().and_then(|leaf| Certificate::read(leaf).ok()) {
        parts.push(format!("certificate by {}", certificate::issuer(&read)));
        parts.push(certificate::left(&read, now));
    }
    if negotiated.keys.are_shared() {
        parts.push("known by a pre-shared key".to_owned());
    }
    if mark == INSECURE {
        parts.push("refused, and accepted all the same".to_owned());
    }
    parts.push(match tally.round_trips {
        1 => "one round trip".to_owned(),
        2 => "two round trips".to_owned(),
        n => format!("{n} round trips"),
    });
    if negotiated.group.is_some_and(is_post_quantum) {
        parts.push("post-quantum".to_owned());
    }
    if negotiated.is_static_rsa() {
        parts.push("no forward secrecy".to_owned());
    }
    let second = outcome.second.as_ref().map_or_else(String::new, |second| format!("; {}", second.verdict()));
    parts.join(", ") + &second
}

fn is_post_quantum(group: NamedGroup) -> bool {
    [NamedGroup::X25519MLKEM768, NamedGroup::SECP256R1MLKEM768, NamedGroup::SECP384R1MLKEM1024]
        .contains(&group)
}

/// Why it failed, and what may help.
pub(super) fn failed(failure: &Failure, asked: &Explain, negotiated: &Negotiated) -> String {
    let mut text = failure.to_string();
    let hints = [
        nothing_shown(failure, asked, negotiated),
        nothing_in_common(failure, asked, negotiated),
        no_such_key(failure),
    ];
    for hint in hints.into_iter().flatten() {
        text += &format!("\n  hint: {hint}");
    }
    text
}

/// A server requested a certificate, got none, and went no further.
fn nothing_shown(failure: &Failure, asked: &Explain, negotiated: &Negotiated) -> Option<String> {
    let names = negotiated.requested.as_ref().filter(|_| asked.identity.cert.is_none())?;
    let theirs = matches!(failure.exit(), Exit::Alert | Exit::NothingInCommon | Exit::Network);
    let of = match names.is_empty() {
        true => String::new(),
        false => format!(" issued by {}", joined(names, SHORT)),
    };
    theirs.then(|| {
        format!("the server requested a client certificate{of}, and none was shown: give one with --cert FILE --key FILE")
    })
}

/// A server answers a pre-shared key with these alerts (RFC 9846 section 6.2).
fn no_such_key(failure: &Failure) -> Option<String> {
    let Failure::Tls { error: Error::AlertReceived { description, .. }, .. } = failure else { return None };
    let said = match *description {
        AlertDescription::UNKNOWN_PSK_IDENTITY => {
            "the server has no key of this identity, and no certificate"
        }
        AlertDescription::DECRYPT_ERROR => {
            "if --psk was given: the server has another key of this identity, or with another hash"
        }
        _ => return None,
    };
    Some(said.to_owned())
}

/// A server does not say what it would have liked: only what was offered is known.
fn nothing_in_common(failure: &Failure, asked: &Explain, negotiated: &Negotiated) -> Option<String> {
    if failure.exit() != Exit::NothingInCommon || !failure.is_alert() || negotiated.version.is_some() {
        return None;
    }
    let parameters = &asked.offer.parameters;
    let narrowed = [
        ("--tls1.2", parameters.tls12),
        ("--tls1.3", parameters.tls13),
        ("--classic", asked.classic),
        ("--suite", !parameters.suite.is_empty()),
        ("--group", !parameters.group.is_empty()),
        ("--sigalg", !parameters.sigalg.is_empty()),
        ("--alpn", !asked.offer.alpn.is_empty()),
    ];
    let narrowed: Vec<_> =
        narrowed.into_iter().filter(|(_, given)| *given).map(|(option, _)| option).collect();
    let offered = format!(
        "the server does not say what it would have liked (--probe asks it); offered were {}; {}; {}",
        joined(&negotiated.versions, SHORT),
        joined(&negotiated.suites, SHORT),
        joined(&negotiated.groups, SHORT),
    );
    let offered = offered.trim_end_matches("; ");
    let old = negotiated.versions.contains(&ProtocolVersion::TLS12);
    Some(match narrowed.is_empty() {
        false => format!("{offered}. Without {} more is offered", narrowed.join(", ")),
        true if old => format!(
            "{offered}. An old server may take nothing but RSA key exchange: --classic offers that; one that speaks \
             TLS 1.1 or older only is not spoken to"
        ),
        true => offered.to_owned(),
    })
}
