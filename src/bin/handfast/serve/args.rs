//! What `handfast serve` can be asked.

use crate::exit::Exit;
use crate::explain::target::server_name;
use crate::parameters::{ParameterOptions, seconds};
use crate::psk::PskOptions;
use clap::{Args, ValueEnum};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  handfast serve                                  this directory, with a throw-away authority
  handfast serve --addr 0.0.0.0:8443 --name box.example --authority ~/.handfast
                                                  for others, with an authority that is kept
  handfast serve site --cert localhost.pem --key localhost-key.pem      (as mkcert makes them)
  handfast serve --cert chain.crt --key leaf.key --client-ca clients.pem
  handfast serve --addr :443 --cert-dir /etc/letsencrypt/live           (renewed while it runs)
  handfast serve --explain --tls1.2               tells each handshake";

/// Serves the files of a directory over HTTPS (HTTP/1.1, GET and HEAD).
///
/// Without --cert or --cert-dir an authority is made that lives as long as the server,
/// or that --authority keeps: its certificate stands in a file, to be trusted.
///
/// Files of certificates that change are taken as soon as they are whole, for the
/// connections from then on; until then the last good ones serve.
#[derive(Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", Exit::HELP))]
pub(crate) struct Serve {
    /// The directory
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,

    /// Where to listen
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8443", value_parser = address)]
    pub(crate) addr: SocketAddr,

    /// The certificate to show, leaf first, its chain in the same file (PEM or DER)
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Its private key (PEM or DER), if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Certificates with their keys, one for each name that a client asks for: NAME.pem (or
    /// NAME.crt) with NAME.key, or NAME/fullchain.pem with NAME/privkey.pem, as certbot has them
    #[arg(long, value_name = "DIR")]
    pub(crate) cert_dir: Option<PathBuf>,

    /// How often to look whether the files of certificates have changed; SIGHUP looks at once
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) reload_every: Duration,

    /// A name or an address for the certificate that is made, beside localhost and the
    /// addresses of this machine; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cert", "cert_dir"], value_parser = name)]
    pub(crate) name: Vec<String>,

    /// Keep the authority that signs it in DIR, made there if there is none: ca.pem, to be
    /// trusted once, and ca-key.pem, which only you can read
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cert", "cert_dir"])]
    pub(crate) authority: Option<PathBuf>,

    /// Ask clients for a certificate from the authorities of FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) client_ca: Option<PathBuf>,

    /// What to do about clients that show none
    #[arg(long, value_name = "WHICH", default_value = "required", requires = "client_ca")]
    pub(crate) client_auth: ClientCertificate,

    /// Tell each handshake on standard output
    #[arg(long)]
    pub(crate) explain: bool,

    /// Take so many octets of early data (0-RTT) on a connection that is resumed, for GET and
    /// HEAD: any other request that came so is answered with 425. Whoever copies early data on
    /// its way can bring it here again: it is taken once, by a register in memory or that of
    /// --redis; a client that was refused sends it again itself. In the log it is marked
    /// `Early-Data: 1`
    #[arg(long, value_name = "BYTES", default_value = "0", hide_default_value = true)]
    pub(crate) early_data: u32,

    /// Share ticket keys and a register of replays over a Redis with servers that show the same
    /// certificate's names: redis://HOST:PORT or unix:///PATH. Where it is away, slow or young,
    /// handshakes go on, and early data is refused
    #[arg(long, value_name = "URL", requires = "fleet_secret")]
    pub(crate) redis: Option<String>,

    /// What seals the ticket keys in the store: 32 random octets, or 64 hexadecimal digits, the
    /// same for each of these servers (openssl rand -hex 32); only its owner may read it
    #[arg(long, value_name = "FILE", requires = "redis")]
    pub(crate) fleet_secret: Option<PathBuf>,

    /// Close a connection on which nothing moved for this many seconds; a request's header
    /// must arrive in the same time
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) idle_timeout: Duration,

    /// Let TCP probe a silent client after this many seconds, to find out that it has gone
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) tcp_keepalive: Duration,

    /// Give a handshake up that is not complete after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) handshake_timeout: Duration,

    /// On Ctrl-C or SIGTERM, wait so long for the connections to end: a request that is
    /// being answered is answered; again Ctrl-C ends them at once
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) stop_timeout: Duration,

    /// How many connections to serve at once; more wait
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) max_connections: u32,

    /// Append the secrets of all connections to FILE (only its owner may read it)
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) psk: PskOptions,

    #[command(flatten)]
    pub(crate) parameters: ParameterOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientCertificate {
    /// No connection without
    Required,
    /// Served all the same
    Optional,
}

/// A host name, a wildcard before one, or an address, as it stands in a certificate.
fn name(text: &str) -> Result<String, String> {
    server_name(text.strip_prefix("*.").unwrap_or(text))?;
    Ok(text.to_ascii_lowercase())
}

/// `ADDR:PORT`, `:PORT` or `localhost:PORT`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local =
        |port: &str| port.parse().ok().map(|port| SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port));
    text.parse()
        .ok()
        .or_else(|| local(text.strip_prefix("localhost").unwrap_or(text).strip_prefix(':')?))
        .ok_or_else(|| "an address is an IP address and a port, such as 0.0.0.0:8443 or [::]:8443".to_owned())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("[::1]:1", "[::1]:1"),
            ("localhost:2", "127.0.0.1:2"),
            (":3", "127.0.0.1:3"),
            ("0.0.0.0:4", "0.0.0.0:4"),
        ] {
            assert_eq!(address(text).map(|address| address.to_string()), Ok(expected.to_owned()));
        }
        for bad in ["", "localhost", "example.com:1", "1.2.3.4", "1.2.3.4:65536", ":x"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
