//! What `verify` can be asked.

use crate::times;
use clap::{ArgAction, ArgGroup, Args, ValueEnum};
use handfast::pki::{PolicyId, Profile, Purpose, Rule, UnixTime};
use std::path::PathBuf;
use std::time::Duration;

const HELP: &str = "\
Examples:
  handfast verify chain.pem --host example.com
  handfast verify chain.pem --host example.com --at 2027-01-01T00:00:00Z
  handfast verify chain.pem --host db.internal --ca ca.pem --profile private -v
  handfast verify server.p12 --any-name --expires-within 14d
  handfast verify certs/*.pem --any-name --ca ca.pem --crl-dir lists/
  handfast verify client.pem --purpose client --ca ca.pem --json | jq .checks
  openssl s_client -connect example.com:443 -showcerts </dev/null |
    handfast verify - --host example.com

Exit codes:
  0  every chain is accepted
  1  one is refused
  2  misuse: a wrong argument, a file that cannot be read, output that cannot be written
  9  every one is accepted, and one ends within --expires-within
  141  it went well, but whoever read the output closed the pipe before its end";

/// Judges chains of certificates without a connection, and says why.
#[derive(Args)]
#[command(after_help = HELP)]
#[command(group(ArgGroup::new("lists").args(["crl", "crl_dir"]).multiple(true)))]
pub(crate) struct Verify {
    /// The certificates of a chain: the leaf first, the others after it in any order (PEM, one in
    /// DER, PKCS #7 or #12); - is standard input; each file is a chain of its own
    #[arg(value_name = "CHAIN.pem", required = true)]
    pub(crate) chains: Vec<PathBuf>,

    /// The host name or IP address that a server's certificate must have
    #[arg(long, visible_alias = "servername", value_name = "NAME")]
    pub(crate) host: Option<String>,

    /// Whatever names a server's certificate has: who holds it is not asked
    #[arg(long, conflicts_with = "host")]
    pub(crate) any_name: bool,

    /// Trust the authorities of FILE (PEM or DER) instead of the system's
    #[arg(long, visible_alias = "cacert", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Judge as if it were this time, such as 2027-01-01T00:00:00Z or 2027-01-01
    #[arg(long, value_name = "TIME", value_parser = times::at)]
    pub(crate) at: Option<UnixTime>,

    /// Fail with exit code 9 where the certificate is accepted and ends within this time, such as
    /// 14d
    #[arg(long, value_name = "TIME", value_parser = times::length)]
    pub(crate) expires_within: Option<Duration>,

    /// What the certificate is to be good for
    #[arg(long, default_value = "server")]
    pub(crate) purpose: Use,

    /// At most so many intermediates between leaf and root
    #[arg(long, value_name = "N")]
    pub(crate) max_depth: Option<usize>,

    /// At most so many certificates on a path, leaf and root among them [default: 20, at most 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=64))]
    pub(crate) longest_path: Option<u8>,

    /// One of these certificate policies must be common to the path, such as 2.23.140.1.2.1; may be
    /// repeated
    #[arg(long, value_name = "OID")]
    pub(crate) policy: Vec<PolicyId>,

    /// A certificate policy must be common to the path, whichever it is (RFC 5280 section 6.1.1 (e));
    /// --policy means this, too
    #[arg(long)]
    pub(crate) explicit_policy: bool,

    /// "Any policy" in a certificate stands for none (RFC 5280 section 6.1.1 (g))
    #[arg(long)]
    pub(crate) inhibit_any_policy: bool,

    /// No issuer's policy stands for another's (RFC 5280 section 6.1.1 (f))
    #[arg(long)]
    pub(crate) inhibit_policy_mapping: bool,

    /// Refuse what these lists of revoked certificates name (PEM or DER); may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,

    /// The same of every list in a folder; what is none is named and left out; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) crl_dir: Vec<PathBuf>,

    /// Refuse also, below the root, what no list says anything about
    #[arg(long, requires = "lists")]
    pub(crate) require_status: bool,

    /// Which rules of form hold: webpki, strict or private
    #[arg(long, value_name = "PROFILE", default_value = "webpki")]
    pub(crate) profile: Profile,

    /// Leave out a rule of form by its name, such as DigitalSignature; may be repeated
    #[arg(long, value_name = "RULE", value_parser = relaxable)]
    pub(crate) relax: Vec<Rule>,

    /// The password of a PKCS #12 file; others of this machine may see it here. Otherwise
    /// HANDFAST_PASSWORD in the environment, or you are asked
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) password: Option<String>,

    /// Print one JSON object a line for each chain instead of text ("schema": 0 may change until
    /// 1.0)
    #[arg(long)]
    pub(crate) json: bool,

    /// Every candidate and every check, and what the certificates say
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// A rule that a profile can do without.
fn relaxable(name: &str) -> Result<Rule, String> {
    let rule: Rule = name.parse().map_err(|error| format!("{error}"))?;
    let every = Rule::ALL.iter().fold(Profile::STRICT, |all, rule| all.with(*rule));
    match every.relaxable().any(|one| one == rule) {
        true => Ok(rule),
        false => Err(format!("trust depends on {name}, so it holds in every profile")),
    }
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
