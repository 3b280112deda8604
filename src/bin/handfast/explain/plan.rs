//! What will be done: where to connect, as whom, with which configuration.

use super::embedded::Embedded;
use super::prompt;
use super::target::{Target, server_name};
use crate::args::Explain;
use crate::sessions::SessionFile;
use crate::trust;
use handfast::pki::{Roots, ServerName, UnixTime};
use handfast::wire::{CipherSuite, ProtocolVersion};
use handfast::{ClientConfig, ClientSessions, ConfigError};
use std::sync::Arc;

const CLASSIC: &str = "The handshake of textbooks: who gets the server's key in ten years reads today's recordings. See docs/textbook.md.";

/// What is offered where only static RSA is.
const STATIC_RSA: [CipherSuite; 2] =
    [CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384];

pub(crate) struct Plan {
    pub(crate) title: String,
    /// The name that is asked for.
    pub(crate) host: String,
    /// Whether public authorities are trusted.
    pub(crate) public: bool,
    /// Lines to begin with.
    pub(crate) notes: Vec<String>,
    pub(crate) address: Target,
    pub(crate) name: ServerName<'static>,
    pub(crate) config: Arc<ClientConfig>,
    /// What trust rests on, in words.
    pub(crate) trusted: String,
    pub(crate) embedded: Option<Embedded>,
    /// Where sessions are kept, if any are to be resumed.
    pub(crate) sessions: Option<Arc<ClientSessions>>,
    /// Where they are kept from one run to the next.
    pub(crate) kept: Option<SessionFile>,
    /// What goes early on the second connection.
    pub(crate) early_data: Option<Vec<u8>>,
}

/// What is said wherever early data is sent.
pub(crate) const REPLAYS: &str = "early data can be replayed: who copies it on its way can bring it to the server again; \
     send only what may happen twice (RFC 9846 section 8)";

impl Plan {
    /// Works out the arguments; starts the embedded server if no host was named.
    pub(crate) fn make(asked: &Explain) -> Result<Self, String> {
        let identity = asked.identity.identity()?;
        let mut notes = Vec::new();
        let named = asked.target.clone().or_else(|| asked.connect.clone());
        let (embedded, address, host) = match named {
            Some(target) => {
                let address = asked.connect.clone().unwrap_or_else(|| target.clone());
                (None, address, target.host)
            }
            None => {
                let server = Embedded::start(
                    &asked.offer.alpn,
                    identity.is_some(),
                    asked.classic,
                    asked.resumes(),
                    asked.early_data.is_some(),
                    // Made apart: this process means to speak with itself.
                    asked.psk.keys()?,
                )?;
                notes.push("An embedded server, with a certificate authority made for this run. Name a host to explain another.".to_owned());
                let address = Target { host: server.address.ip().to_string(), port: server.address.port() };
                (Some(server), address, "localhost".to_owned())
            }
        };
        let host = asked.servername.clone().unwrap_or(host);
        let own = embedded.as_ref().map(|server| roots(&server.authority)).transpose()?;
        let (verifier, trusted) = asked.trust.verifier(own)?;
        let mut config = ClientConfig::new(verifier, UnixTime::now);
        if asked.classic {
            notes.push(CLASSIC.to_owned());
        }
        if asked.insecure() {
            notes.push(
                "WARNING: --insecure: whatever certificate comes is accepted; the peer may be anybody."
                    .to_owned(),
            );
        }
        if asked.insecure() || (prompt::somebody_is_there() && !asked.json) {
            config = config.ask_when_refused();
        }
        if let Some(identity) = identity {
            config = config.identity(identity).insist_on_identity();
        }
        if let Some(other) =
            asked.offer.parameters.suite.iter().find(|suite| asked.classic && !STATIC_RSA.contains(suite))
        {
            return Err(format!("{other} is not a suite of the classic handshake, which is static RSA"));
        }
        for key in asked.psk.keys()? {
            config = config.pre_shared_key(key).map_err(|error| format!("--psk: {error}"))?;
        }
        let config = offer(config, asked).map_err(|error| match error {
            ConfigError::StaticRsaNotAllowed(suite) => {
                format!("the cipher suite {suite} is static RSA, which --classic offers")
            }
            error => error.to_string(),
        })?;
        let early_data = asked.early_data.as_deref().map(trust::read).transpose()?;
        if early_data.as_ref().is_some_and(Vec::is_empty) {
            return Err("--early-data: there is nothing to send: the file is empty".to_owned());
        }
        let kept = asked.sessions.sessions.as_deref().map(SessionFile::open).transpose()?;
        if kept.is_some() && embedded.is_some() {
            return Err("--sessions: the embedded server is gone with this run: name a HOST".to_owned());
        }
        let sessions = match &kept {
            Some(kept) => Some(Arc::clone(&kept.sessions)),
            None => asked.resumes().then(Arc::default),
        };
        let config = match &sessions {
            Some(sessions) => config.sessions(Arc::clone(sessions)),
            None => config,
        };
        let name = server_name(&host)?;
        let title = format!("{host} at {address}");
        let public = embedded.is_none() && asked.trust.cacert.is_none() && asked.trust.pin.is_empty();
        let config = Arc::new(config);
        Ok(Self {
            title,
            host,
            public,
            notes,
            address,
            name,
            config,
            trusted,
            embedded,
            sessions,
            kept,
            early_data,
        })
    }
}

fn offer(mut config: ClientConfig, asked: &Explain) -> Result<ClientConfig, ConfigError> {
    if asked.classic {
        config = config
            .versions(&[ProtocolVersion::TLS12])?
            .without_extended_master_secret()
            .allow_static_rsa()
            .suites(&STATIC_RSA)?;
    }
    let alpn: Vec<&[u8]> = asked.offer.alpn.iter().map(String::as_bytes).collect();
    asked.offer.parameters.client(config)?.alpn(&alpn)
}

fn roots(pem: &str) -> Result<Roots, String> {
    let mut roots = Roots::new();
    roots.add_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
    Ok(roots)
}
