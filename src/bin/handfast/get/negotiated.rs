//! What was negotiated, for `-v`: a few lines.

use crate::text::{clean, shown};
use handfast::pki::{Certificate, spki_sha256};
use handfast::{ConnectionInfo, EarlyData, EarlyReason, Trust};
use std::fmt::Display;

/// The lines. `trusted` is what trust rests on.
pub(crate) fn lines(info: &ConnectionInfo, trusted: &str) -> Vec<String> {
    let alpn = info.alpn.as_deref().map_or("none".to_owned(), shown);
    let mut lines = vec![format!(
        "{}, {}, group {}, signature {}, ALPN {alpn}{}",
        or_none(info.version),
        or_none(info.suite),
        or_none(info.group),
        or_none(info.peer_scheme),
        if info.retried { ", after a HelloRetryRequest" } else { "" },
    )];
    let leaf = info.peer_chain.as_ref().and_then(|chain| chain.first());
    if let Some(leaf) = leaf.and_then(|leaf| Certificate::read(leaf).ok()) {
        lines.push(format!(
            "certificate of {}, issued by {}, {} to {}, key {}",
            clean(&leaf.subject()),
            clean(&leaf.issuer()),
            leaf.not_before(),
            leaf.not_after(),
            clean(&leaf.public_key()),
        ));
    }
    if let Some(Ok(pin)) = leaf.map(spki_sha256) {
        lines.push(format!("its key's pin: {}", crate::trust::pin_text(&pin)));
    }
    lines.push(match &info.trust {
        Trust::Policy => format!("trust: {}", clean(trusted)),
        Trust::AcceptedThisOnce(reason) => {
            let failed = info.report.as_ref().map_or(String::new(), |report| clean(report.sentence()));
            format!("INSECURE, accepted because {}: {failed}", clean(reason))
        }
        _ => "trust: none".to_owned(),
    });
    lines
}

/// What was resumed, and what became of early data.
pub(crate) fn early(info: &ConnectionInfo) -> Vec<String> {
    let mut lines = Vec::new();
    if info.resumed {
        lines.push("resumed: the certificate is that of the session's first handshake".to_owned());
    }
    match info.early_data {
        EarlyData::Accepted => {
            lines.push(format!("early data accepted: {} B of the request", info.early_data_sent));
        }
        EarlyData::Rejected(why) => {
            lines.push(format!("early data rejected: {why}; the request is sent again"));
        }
        EarlyData::NotOffered(EarlyReason::Off) => {}
        EarlyData::NotOffered(why) => lines.push(format!("no early data: {why}")),
        _ => {}
    }
    lines
}

fn or_none(value: Option<impl Display>) -> String {
    value.map_or("none".to_owned(), |value| value.to_string())
}
