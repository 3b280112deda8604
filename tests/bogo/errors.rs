//! What the shim prints for an error: a word between colons, which
//! `config.json` sets beside BoringSSL's, and the error's own sentence.

use handfast::{ConfigError, Error};

/// The transport ended without it; a message that is cut is `Truncated`.
pub(crate) const NO_CLOSE_NOTIFY: &str = "NoCloseNotify";

/// The line for standard error.
pub(crate) fn line(error: &Error) -> String {
    format!(":{}: {error}", word(error))
}

/// The line for a configuration that cannot be made.
pub(crate) fn line_of_config(error: &ConfigError) -> String {
    let word = match error {
        ConfigError::Empty(_) => "Empty",
        ConfigError::KeyDoesNotMatch => "KeyDoesNotMatch",
        _ => "Configuration",
    };
    format!(":{word}: {error}")
}

fn word(error: &Error) -> String {
    match error {
        Error::Peer { fault, .. } => format!("{fault:?}"),
        Error::AlertReceived { description, .. } => format!("AlertReceived {description}"),
        Error::CertificateRefused(_) => "CertificateRefused".to_owned(),
        Error::CertificateRejected { .. } => "CertificateRejected".to_owned(),
        Error::NothingInCommon { what, .. } => format!("NothingInCommon {what}"),
        Error::Aborted { .. } => "Aborted".to_owned(),
        Error::NotTls { looks_like, .. } => format!("NotTls {}", looks_like.unwrap_or("nothing known")),
        Error::Misuse(_) => "Misuse".to_owned(),
        Error::EndOfStream { .. } => "EndOfStream".to_owned(),
        Error::Truncated => NO_CLOSE_NOTIFY.to_owned(),
        _ => "Other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use handfast::Fault;

    /// A row that was renamed would make tests of the suite fail, far from here.
    #[test]
    fn each_word_of_the_error_map_is_one_that_is_printed() {
        const OTHERS: [&str; 11] = [
            "Aborted",
            "Empty",
            "AlertReceived ",
            "CertificateRejected",
            "NothingInCommon ",
            "NotTls ",
            "KeyDoesNotMatch",
            super::NO_CLOSE_NOTIFY,
            "Data",
            "EndOfStream",
            "Misuse",
        ];
        let config: serde_json::Value = serde_json::from_str(include_str!("config.json")).unwrap();
        for (canonical, ours) in config["ErrorMap"].as_object().unwrap() {
            for word in ours.as_array().unwrap() {
                let word = word.as_str().unwrap().trim_matches(':');
                let known = Fault::ALL.iter().any(|fault| format!("{fault:?}") == word)
                    || OTHERS.iter().any(|other| word.starts_with(other));
                assert!(known, "{word}, for {canonical}");
            }
        }
    }
}
