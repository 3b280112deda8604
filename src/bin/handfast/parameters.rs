//! The options about protocol parameters, which the commands share.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use handfast::pki::{Roots, UnixTime, Verifier};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use handfast::{ClientConfig, ConfigError, ServerConfig};
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
    #[arg(long, value_name = "SUITE", value_delimiter = ',', ignore_case = true,
        hide_possible_values = true, value_parser = CipherSuite::parser())]
    pub(crate) suite: Vec<CipherSuite>,

    /// Key exchange groups, the favourite first, such as X25519MLKEM768,x25519,P-256
    #[arg(long, value_name = "GROUP", value_delimiter = ',', ignore_case = true,
        hide_possible_values = true, value_parser = NamedGroup::parser())]
    pub(crate) group: Vec<NamedGroup>,

    /// Signature schemes that the peer may sign with, the favourite first, such as ed25519
    #[arg(long, value_name = "SCHEME", value_delimiter = ',', ignore_case = true,
        hide_possible_values = true, value_parser = SignatureScheme::parser())]
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

/// The values of this type that can be asked for: their names are listed where
/// another is given, the nearest first of all.
trait Choosable: Copy + Send + Sync + 'static {
    const NAMED: &'static [Self];

    fn name(self) -> Option<&'static str>;

    /// Whether this crate speaks it.
    fn is_spoken(self) -> bool;

    /// What it is called, too.
    fn aliases(self) -> Vec<&'static str>;

    fn parser() -> impl TypedValueParser<Value = Self> {
        let spoken = || Self::NAMED.iter().copied().filter(|each| each.is_spoken());
        let value = |each: Self| Some(PossibleValue::new(each.name()?).aliases(each.aliases()));
        PossibleValuesParser::new(spoken().filter_map(value)).try_map(move |given: String| {
            let is_it = |name: &&str| name.eq_ignore_ascii_case(&given);
            let named = |each: &Self| each.name().iter().chain(&each.aliases()).any(&is_it);
            spoken().find(named).ok_or("no such name")
        })
    }
}

/// A configuration to ask what this crate speaks.
fn any() -> ClientConfig {
    ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now)
}

impl Choosable for CipherSuite {
    const NAMED: &'static [Self] = Self::NAMED;

    fn name(self) -> Option<&'static str> {
        Self::name(self)
    }

    fn is_spoken(self) -> bool {
        any().allow_static_rsa().suites(&[self]).is_ok()
    }

    fn aliases(self) -> Vec<&'static str> {
        Self::name(self).and_then(|name| name.strip_prefix("TLS_")).into_iter().collect()
    }
}

impl Choosable for NamedGroup {
    const NAMED: &'static [Self] = Self::NAMED;

    fn name(self) -> Option<&'static str> {
        Self::name(self)
    }

    fn is_spoken(self) -> bool {
        any().groups(&[self]).is_ok()
    }

    fn aliases(self) -> Vec<&'static str> {
        match self {
            Self::SECP256R1 => vec!["P-256", "P256", "prime256v1"],
            Self::SECP384R1 => vec!["P-384", "P384"],
            _ => Vec::new(),
        }
    }
}

impl Choosable for SignatureScheme {
    const NAMED: &'static [Self] = Self::NAMED;

    fn name(self) -> Option<&'static str> {
        Self::name(self)
    }

    fn is_spoken(self) -> bool {
        any().signature_schemes(&[self]).is_ok()
    }

    fn aliases(self) -> Vec<&'static str> {
        Vec::new()
    }
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
    use clap::{Command, FromArgMatches};

    /// What an option of this name is made of.
    fn given(option: &str, value: &str) -> Result<ParameterOptions, String> {
        let command = ParameterOptions::augment_args(Command::new("x"));
        let matches =
            command.try_get_matches_from(["x", option, value]).map_err(|error| error.to_string())?;
        ParameterOptions::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    #[test]
    fn parameters_by_name() {
        let suite = |text| given("--suite", text).map(|options| options.suite);
        let group = |text| given("--group", text).map(|options| options.group);
        let scheme = |text| given("--sigalg", text).map(|options| options.sigalg);
        assert_eq!(suite("aes_128_gcm_sha256"), Ok(vec![CipherSuite::TLS_AES_128_GCM_SHA256]));
        assert_eq!(
            suite("TLS_CHACHA20_POLY1305_SHA256"),
            Ok(vec![CipherSuite::TLS_CHACHA20_POLY1305_SHA256])
        );
        assert_eq!(group("p-256,X25519"), Ok(vec![NamedGroup::SECP256R1, NamedGroup::X25519]));
        assert_eq!(group("x25519mlkem768"), Ok(vec![NamedGroup::X25519MLKEM768]));
        assert_eq!(scheme("RSA_PSS_rsae_sha256"), Ok(vec![SignatureScheme::RSA_PSS_RSAE_SHA256]));
    }

    #[test]
    fn other_names_are_answered_with_those_that_there_are() {
        for (option, text, nearest, listed) in [
            (
                "--suite",
                "TLS_AES_128_GCM_SHA265",
                "'TLS_AES_128_GCM_SHA256'",
                "TLS_RSA_WITH_AES_256_GCM_SHA384]",
            ),
            (
                "--group",
                "x25518",
                "'x25519'",
                "[possible values: secp256r1, secp384r1, x25519, X25519MLKEM768]",
            ),
            ("--sigalg", "ed25518", "'ed25519'", "ecdsa_secp256r1_sha256, "),
        ] {
            let said = given(option, text).err().unwrap();
            assert!(said.contains(nearest) && said.contains(listed), "{said}");
            // What has a name, and is not spoken here, is no choice.
            for absent in ["CBC", "ffdhe", "sha1"] {
                assert!(!said.contains(absent), "{said}");
            }
        }
        for (option, text) in [("--suite", "TLS_AES"), ("--group", ""), ("--sigalg", "rsa")] {
            assert!(given(option, text).is_err(), "{text}");
        }
    }

    #[test]
    fn seconds_are_positive_and_finite() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "nan", "inf", "1e9", "x"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
