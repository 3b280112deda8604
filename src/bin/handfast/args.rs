//! What can be asked on the command line.

use crate::exit::Exit;
use crate::explain::target::Target;
use crate::flags;
use crate::get::args::Get;
use crate::parameters::{ParameterOptions, seconds};
use crate::psk::PskOptions;
use crate::serve::args::Serve;
use crate::sessions::SessionOptions;
use crate::times;
use crate::trust::{IdentityOptions, TrustOptions};
use crate::verify::args::Verify;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// TLS that explains itself.
#[derive(Parser)]
#[command(
    name = "handfast",
    version,
    after_help = "`--help` ends with the flags of curl and openssl s_client; `handfast help explain` lists the exit codes.",
    after_long_help = flags::TABLE,
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Explain(Box<Explain>),
    Get(Box<Get>),
    Serve(Box<Serve>),
    Verify(Box<Verify>),
}

const EXAMPLES: &str = "\
Examples:
  handfast explain                                an embedded server, nothing needed
  handfast explain --classic                      the same, as textbooks draw it
  handfast explain example.com
  handfast explain https://[2001:db8::1]:8443 --servername example.com
  handfast explain --connect 127.0.0.1:8443 example.com --cacert ca.pem
  handfast explain example.com --alpn h2,http/1.1 --group x25519 -v
  handfast explain example.com --resume           what a second connection saves
  printf 'GET / HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n' | handfast explain example.com --early-data -
  handfast explain example.com --expires-within 14d
  handfast explain example.com --json | jq .negotiated
  handfast explain --psk client-1:6fd0a5c1e3b24f7d8896a1b2c3d4e5f6
  handfast explain example.com --keylog keys.txt  # Wireshark reads it";

/// Makes one connection and tells its handshake step by step.
///
/// Without HOST an embedded server on loopback is explained, with a certificate
/// authority made for the occasion.
#[derive(Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", Exit::HELP))]
pub(crate) struct Explain {
    /// HOST, HOST:PORT or an https URL; the port is 443 unless given
    #[arg(value_name = "HOST[:PORT] | URL", value_parser = Target::parse)]
    pub(crate) target: Option<Target>,

    /// Connect to this address; HOST is then only the name
    #[arg(long, value_name = "ADDR:PORT", value_parser = Target::parse)]
    pub(crate) connect: Option<Target>,

    /// The name to send (SNI) and to look for in the certificate, if it is not HOST
    #[arg(long, value_name = "NAME")]
    pub(crate) servername: Option<String>,

    /// Give up when connecting and shaking hands took this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Fail with exit code 9 where all went well and the server's certificate ends within this
    /// time, such as 14d
    #[arg(long, value_name = "TIME", value_parser = times::length)]
    pub(crate) expires_within: Option<Duration>,

    /// Append the secrets to FILE, as Wireshark reads them (only its owner may read it)
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    /// Write the certificates that the peer sent to FILE, as PEM, accepted or not
    #[arg(long, value_name = "FILE")]
    pub(crate) save_chain: Option<PathBuf>,

    /// Print one JSON object instead of text ("schema": 0 may change until 1.0)
    #[arg(long)]
    pub(crate) json: bool,

    /// Print the secrets themselves: whoever reads them reads the connection
    #[arg(long)]
    pub(crate) reveal_secrets: bool,

    /// Every field of every message, every check; -vv also the bytes and the records
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// When to use colours; NO_COLOR in the environment is respected
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,

    /// The handshake of textbooks: TLS 1.2, the third random encrypted with RSA, the three
    /// randoms straight into the PRF. No forward secrecy: for teaching, and for old peers
    #[arg(long, conflicts_with_all = ["tls12", "tls13", "group"])]
    pub(crate) classic: bool,

    /// Where nothing was in common: ask the server again, on a second connection, with all that
    /// has a name, and tell what it chooses
    #[arg(long)]
    pub(crate) probe: bool,

    /// Connect a second time with the ticket of the first, and set the two beside each other:
    /// bytes, round trips, signatures, or why nothing was resumed
    #[arg(long)]
    pub(crate) resume: bool,

    /// Send FILE (- is standard input) as early data on the second connection: octets as they
    /// are, such as a GET request. What is sent so can be replayed by whoever copies it; what the
    /// server rejects is not sent again. Implies --resume
    #[arg(long, value_name = "FILE", conflicts_with_all = ["classic", "tls12"])]
    pub(crate) early_data: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) sessions: SessionOptions,

    #[command(flatten)]
    pub(crate) psk: PskOptions,

    #[command(flatten)]
    pub(crate) trust: TrustOptions,

    #[command(flatten)]
    pub(crate) identity: IdentityOptions,

    #[command(flatten)]
    pub(crate) offer: OfferOptions,
}

impl Explain {
    /// Whether there is to be a second connection.
    pub(crate) fn resumes(&self) -> bool {
        self.resume || self.early_data.is_some()
    }

    /// Whether any certificate is to be accepted.
    pub(crate) fn insecure(&self) -> bool {
        self.trust.insecure
    }
}

/// What a client offers.
#[derive(Args)]
#[command(next_help_heading = "Offer")]
pub(crate) struct OfferOptions {
    /// Application protocols, the favourite first, such as h2,http/1.1
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) alpn: Vec<String>,

    #[command(flatten)]
    pub(crate) parameters: ParameterOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
