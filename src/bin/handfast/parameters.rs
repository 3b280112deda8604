//! The options about protocol parameters, which the commands share.

use clap::Args;
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use handfast::{ClientConfig, ConfigError, ServerConfig};
use std::fmt::Display;
use std::time::Duration;

/// What this side speaks.
#[derive(Args)]
#[command(next_help_heading = "Offer")]
pub(crate) struct ParameterOptions {
    /// Speak TLS 1.2 only
    #[arg(long = "tls1.2", alias = "tls1_2", conflicts_with = "tls13")]
    pub(crate) tls12: bool,

    /// Speak TLS 1.3 only
    #[arg(long = "tls1.3", alias = "tls1_3")]
    pub(crate) tls13: bool,

    /// Cipher suites, the favourite first, such as TLS_AES_256_GCM_SHA384
    #[arg(long, value_name = "SUITE", value_delimiter = ',', value_parser = suite)]
    pub(crate) suite: Vec<CipherSuite>,

    /// Key exchange groups, the favourite first, such as X25519MLKEM768,x25519,P-256
    #[arg(long, value_name = "GROUP", value_delimiter = ',', value_parser = group)]
    pub(crate) group: Vec<NamedGroup>,

    /// Signature schemes that the peer may sign with, the favourite first, such as ed25519
    #[arg(long, value_name = "SCHEME", value_delimiter = ',', value_parser = scheme)]
    pub(crate) sigalg: Vec<SignatureScheme>,
}

macro_rules! given_to {
    ($self:ident, $config:ident) => {{
        let mut config = $config;
        match ($self.tls12, $self.tls13) {
            (true, _) => config = config.versions(&[ProtocolVersion::TLS12])?,
            (_, true) => config = config.versions(&[ProtocolVersion::TLS13])?,
            _ => {}
        }
        if !$self.suite.is_empty() {
            config = config.suites(&$self.suite)?;
        }
        if !$self.group.is_empty() {
            config = config.groups(&$self.group)?;
        }
        if !$self.sigalg.is_empty() {
            config = config.signature_schemes(&$self.sigalg)?;
        }
        Ok(config)
    }};
}

impl ParameterOptions {
    pub(crate) fn client(&self, config: ClientConfig) -> Result<ClientConfig, ConfigError> {
        given_to!(self, config)
    }

    pub(crate) fn server(&self, config: ServerConfig) -> Result<ServerConfig, ConfigError> {
        given_to!(self, config)
    }
}

fn suite(text: &str) -> Result<CipherSuite, String> {
    named(CipherSuite::NAMED, text, |name| name.trim_start_matches("TLS_").to_owned())
}

fn group(text: &str) -> Result<NamedGroup, String> {
    let text = match text.to_ascii_uppercase().as_str() {
        "P-256" | "P256" | "PRIME256V1" => "secp256r1",
        "P-384" | "P384" => "secp384r1",
        _ => text,
    };
    named(NamedGroup::NAMED, text, str::to_owned)
}

fn scheme(text: &str) -> Result<SignatureScheme, String> {
    named(SignatureScheme::NAMED, text, str::to_owned)
}

/// The value of this name, in capitals or not.
fn named<T: Display + Copy>(all: &[T], text: &str, short: impl Fn(&str) -> String) -> Result<T, String> {
    let wanted = short(&text.to_ascii_uppercase());
    let is_it = |each: &&T| short(&each.to_string().to_ascii_uppercase()) == wanted;
    all.iter().find(is_it).copied().ok_or_else(|| "no such name".to_owned())
}

/// A length of time, in seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match (0.001..=86_400.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err("must be between 0.001 and 86400 seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_by_name() {
        assert_eq!(suite("aes_128_gcm_sha256"), Ok(CipherSuite::TLS_AES_128_GCM_SHA256));
        assert_eq!(suite("TLS_CHACHA20_POLY1305_SHA256"), Ok(CipherSuite::TLS_CHACHA20_POLY1305_SHA256));
        assert_eq!(group("p-256"), Ok(NamedGroup::SECP256R1));
        assert_eq!(group("x25519mlkem768"), Ok(NamedGroup::X25519MLKEM768));
        assert_eq!(scheme("RSA_PSS_rsae_sha256"), Ok(SignatureScheme::RSA_PSS_RSAE_SHA256));
        assert!(suite("TLS_AES").is_err() && group("").is_err() && scheme("rsa").is_err());
    }

    #[test]
    fn seconds_are_positive_and_finite() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "nan", "inf", "1e9", "x"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
