//! The server's configuration, from what was asked for.

use super::args::{ClientCertificate, Serve};
use super::throwaway::ThrowAway;
use crate::trust::{from_file, read};
use handfast::pki::{UnixTime, Verifier};
use handfast::{ClientAuth, Identity, ServerConfig};
use std::net::SocketAddr;
use std::sync::Arc;

/// The configuration; and the authority's file, if one was made.
pub(crate) fn make(
    asked: &Serve,
    listening: SocketAddr,
) -> Result<(Arc<ServerConfig>, Option<ThrowAway>), String> {
    let (identity, made) = match &asked.cert {
        Some(cert) => {
            let key = asked.key.as_ref().unwrap_or(cert);
            let said = |error| format!("{} and {}: {error}", cert.display(), key.display());
            (Identity::from_pem(&read(cert)?, &read(key)?).map_err(said)?, None)
        }
        None => {
            let (made, identity) = ThrowAway::make(listening)?;
            (identity, Some(made))
        }
    };
    let said = |error: handfast::ConfigError| error.to_string();
    let config = ServerConfig::new(identity, UnixTime::now).alpn(&[b"http/1.1"]).map_err(said)?;
    let mut config = asked.parameters.server(config).map_err(said)?;
    if let Some(file) = &asked.client_ca {
        let judge = Verifier::chain_without_name(from_file(file)?).into();
        config = config.client_auth(match asked.client_auth {
            ClientCertificate::Required => ClientAuth::Require(judge),
            ClientCertificate::Optional => ClientAuth::Request(judge),
        });
    }
    Ok((Arc::new(config), made))
}
