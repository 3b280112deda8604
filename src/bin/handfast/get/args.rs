//! What `handfast get` can be asked.

use super::link::Link;
use crate::exit::Exit;
use crate::explain::target::Target;
use crate::parameters::{ParameterOptions, seconds};
use crate::sessions::SessionOptions;
use crate::trust::{IdentityOptions, TrustOptions};
use clap::Args;
use hyper::header::{HeaderName, HeaderValue};
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  handfast get https://example.com/ -v
  handfast get -L example.com/file.iso -o file.iso
  handfast get https://localhost:8443/ --cacert ca.pem --tls1.2
  handfast get https://example.com/ --sessions ~/.handfast-sessions --early-data
  handfast get -f -H 'Accept: text/plain' https://example.com/";

/// Fetches a URL over HTTPS (HTTP/1.1) to standard output or a file.
#[derive(Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", Exit::HELP))]
pub(crate) struct Get {
    /// An https URL; the scheme may be left out
    #[arg(value_name = "URL", value_parser = Link::parse)]
    pub(crate) link: Link,

    /// Write the body to FILE; what came stays there if the rest does not
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Say on standard error what was negotiated, and show both sides' headers
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Show no progress on a terminal
    #[arg(short, long)]
    pub(crate) silent: bool,

    /// Follow redirects, to https only; header lines of -H and the client certificate go to
    /// the first server alone
    #[arg(short = 'L', long)]
    pub(crate) location: bool,

    /// How many redirects to follow
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) max_redirs: u32,

    /// Ask for the headers only (HEAD), and show them on standard output
    #[arg(short = 'I', long)]
    pub(crate) head: bool,

    /// A header line to send; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,

    /// Fail, without a body, when the status is 400 or more
    #[arg(short, long)]
    pub(crate) fail: bool,

    /// Connect to this address; the URL's host is then only the name
    #[arg(long, value_name = "ADDR:PORT", value_parser = Target::parse)]
    pub(crate) connect: Option<Target>,

    /// The name to send (SNI) and to look for in the certificate, if it is not the URL's host
    #[arg(long, value_name = "NAME")]
    pub(crate) servername: Option<String>,

    /// Give up when connecting and shaking hands took this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Give up when nothing came for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) idle_timeout: Duration,

    /// Append the secrets to FILE, as Wireshark reads them (only its owner may read it)
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    /// Send the request as early data, with the first octets, where a session of --sessions allows
    /// it. Whoever copies it on its way can bring it to the server again, cookies and all. What
    /// the server rejects, or answers with 425, is sent again after the handshake
    #[arg(long, requires = "sessions")]
    pub(crate) early_data: bool,

    #[command(flatten)]
    pub(crate) sessions: SessionOptions,

    #[command(flatten)]
    pub(crate) trust: TrustOptions,

    #[command(flatten)]
    pub(crate) identity: IdentityOptions,

    #[command(flatten)]
    pub(crate) parameters: ParameterOptions,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a header line is NAME: VALUE")?;
    let name = name.trim().parse().map_err(|_| "not a header's name".to_owned())?;
    let value = value.trim().parse().map_err(|_| "not a header's value".to_owned())?;
    Ok((name, value))
}
