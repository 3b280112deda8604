//! What `verify` can be asked.

use super::rfc3339;
use clap::{ArgAction, Args, ValueEnum};
use handfast::pki::{Profile, Purpose, UnixTime};
use std::path::PathBuf;

const HELP: &str = "\
Examples:
  handfast verify chain.pem --host example.com
  handfast verify chain.pem --host example.com --at 2027-01-01T00:00:00Z
  handfast verify chain.pem --host db.internal --ca ca.pem --profile private -v
  handfast verify client.pem --purpose client --ca ca.pem --json | jq .checks

Exit codes:
  0  the chain is accepted
  1  it is refused
  2  misuse: a wrong argument, a file that cannot be read";

/// Judges a chain of certificates without a connection, and says why.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Verify {
    /// The certificates: the leaf first, the others after it in any order (PEM, or one in DER)
    #[arg(value_name = "CHAIN.pem")]
    pub(crate) chain: PathBuf,

    /// The host name or IP address that a server's certificate must have
    #[arg(long, visible_alias = "servername", value_name = "NAME")]
    pub(crate) host: Option<String>,

    /// Trust the authorities of FILE (PEM or DER) instead of the system's
    #[arg(long, visible_alias = "cacert", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Judge as if it were this time, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "RFC3339-TIME", value_parser = rfc3339::parse)]
    pub(crate) at: Option<UnixTime>,

    /// What the certificate is to be good for
    #[arg(long, default_value = "server")]
    pub(crate) purpose: Use,

    /// At most so many intermediates between leaf and root
    #[arg(long, value_name = "N")]
    pub(crate) max_depth: Option<usize>,

    /// Refuse what these lists of revoked certificates name (PEM or DER); may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,

    /// Refuse also, below the root, what no list says anything about
    #[arg(long, requires = "crl")]
    pub(crate) require_status: bool,

    /// Which rules of form hold: webpki, strict or private
    #[arg(long, value_name = "PROFILE", default_value = "webpki")]
    pub(crate) profile: Profile,

    /// Print one JSON object instead of text ("schema": 0 may change until 1.0)
    #[arg(long)]
    pub(crate) json: bool,

    /// Every candidate and every check
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Use {
    Server,
    Client,
}

impl From<Use> for Purpose {
    fn from(purpose: Use) -> Self {
        match purpose {
            Use::Server => Self::Server,
            Use::Client => Self::Client,
        }
    }
}
