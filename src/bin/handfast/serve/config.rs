//! The server's configuration, from what was asked for.

use super::args::{ClientCertificate, Serve};
use super::issuer::Issuer;
use super::shown::Shown;
use crate::trust::from_file;
use handfast::fleet::Fleet;
use handfast::pki::{UnixTime, Verifier};
use handfast::reload::{CertificateFiles, Notice, Reloader};
use handfast::{ClientAuth, Live, PreSharedKeys, ReplayRegister, Replays, ServerConfig, TicketKeys};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// What is in force, and what keeps it so.
pub(crate) struct Made {
    pub(crate) live: Live<ServerConfig>,
    /// Looks at the files, if there are any.
    pub(crate) reloader: Option<Reloader<ServerConfig>>,
    /// Signs the certificates, if no files have them.
    pub(crate) issuer: Option<Issuer>,
    /// The certificates.
    pub(crate) shown: Vec<Shown>,
    /// What of the files is not in force.
    pub(crate) left_out: Vec<Notice>,
}

pub(crate) fn make(asked: &Serve, listening: SocketAddr, fleet: Option<&Fleet>) -> Result<Made, String> {
    let said = |error: handfast::ConfigError| error.to_string();
    let files = files(asked);
    let mut shown = Vec::new();
    let (config, issuer) = match files {
        Some(_) => (ServerConfig::asking_for_certificates(UnixTime::now), None),
        None => {
            let issuer = Issuer::make(asked.authority.as_deref(), names(asked, listening))?;
            let identity = issuer.identity()?;
            shown.extend(Shown::of(&identity));
            (ServerConfig::new(identity, UnixTime::now), Some(issuer))
        }
    };
    let config = config.alpn(&[b"http/1.1"]).map_err(said)?;
    let mut config = asked.parameters.server(config).map_err(said)?;
    config = match fleet {
        Some(fleet) => fleet.configure(config).early_data(asked.early_data, Replays::Asked),
        None => config.tickets(TicketKeys::random()).early_data(asked.early_data, ReplayRegister::new()),
    };
    let keys = asked.psk.keys()?;
    if !keys.is_empty() {
        config = config.pre_shared_keys(PreSharedKeys::new(keys).map_err(said)?);
    }
    if let Some(file) = &asked.client_ca {
        let judge = Verifier::chain_without_name(from_file(file)?).into();
        config = config.client_auth(match asked.client_auth {
            ClientCertificate::Required => ClientAuth::Require(judge),
            ClientCertificate::Optional => ClientAuth::Request(judge),
        });
    }
    let mut reloader = Reloader::new(config);
    if let Some(files) = files {
        let seen = Arc::new(Mutex::new(Some(Vec::new())));
        let sees = Arc::clone(&seen);
        let files = files.prepared_by(move |identity| {
            identity.check(UnixTime::now())?;
            if let Some(seen) = sees.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                seen.extend(Shown::of(&identity));
            }
            Ok(identity)
        });
        reloader = reloader.certificates(files).map_err(|error| error.to_string())?;
        // Those that come later are the log's.
        shown.extend(seen.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default());
    }
    if let Some(file) = &asked.client_ca {
        reloader = reloader.roots(file).map_err(|error| error.to_string())?;
    }
    let mut left_out = reloader.check();
    left_out.retain(|notice| !matches!(notice, Notice::Taken { .. }));
    let live = reloader.live().clone();
    let has_files = issuer.is_none() || asked.client_ca.is_some();
    Ok(Made { live, reloader: has_files.then_some(reloader), issuer, shown, left_out })
}

/// The files of certificates that were named.
fn files(asked: &Serve) -> Option<CertificateFiles> {
    let pair = asked.cert.as_ref().map(|cert| {
        // Its key may stand in the same file.
        CertificateFiles::pair(cert, asked.key.as_ref().unwrap_or(cert))
    });
    let all = asked.cert_dir.as_ref().map(CertificateFiles::directory);
    match (pair, all) {
        (Some(pair), Some(all)) => Some(pair.and(all)),
        (pair, all) => pair.or(all),
    }
}

/// The names of a certificate that is made: this machine's, and those asked for.
fn names(asked: &Serve, listening: SocketAddr) -> Vec<String> {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut names: Vec<String> = Vec::new();
    let addresses = addresses(listening).into_iter().map(|address| address.to_string());
    for name in asked.name.iter().cloned().chain(own).chain(addresses) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The addresses by which others reach this machine: where it listens, or, where that
/// is everywhere, those of its interfaces.
pub(crate) fn addresses(listening: SocketAddr) -> Vec<IpAddr> {
    if !listening.ip().is_unspecified() {
        return vec![listening.ip()];
    }
    // Without them it is reached as well: only the certificate does not name them.
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let reached = interfaces.iter().filter(|each| {
        let fits = each.ip().is_ipv4() || listening.is_ipv6();
        fits && !each.is_loopback() && !each.is_link_local()
    });
    reached.map(if_addrs::Interface::ip).collect()
}
