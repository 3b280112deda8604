//! The first lines: what is served, how it is reached, whom to trust, how to stop.

use super::args::Serve;
use super::config::{Made, addresses};
use super::issuer::{Issuer, Kept};
use super::log::Log;
use super::shown::Shown;
use super::site::Site;
use crate::text::{SHORT, clean};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) fn announce(log: &Log, asked: &Serve, site: &Site, address: SocketAddr, made: &Made) {
    let port = address.port();
    let url = |host: &str| match port {
        443 => format!("https://{host}/"),
        _ => format!("https://{host}:{port}/"),
    };
    let hosts = hosts(asked, address);
    let first = hosts.first().map_or("localhost", String::as_str);
    log.line(&format!(
        "handfast serves {} at {} (listening on {address})",
        clean(&site.root().display().to_string()),
        url(first)
    ));
    hosts.iter().skip(1).for_each(|host| log.line(&format!("  also at:     {}", url(host))));
    if address.ip().is_loopback() {
        log.line(&format!("               only from this machine; from others: --addr 0.0.0.0:{port}"));
    }
    made.shown.iter().take(SHORT).flat_map(Shown::lines).for_each(|line| log.line(&format!("  {line}")));
    if let Some(more @ 1..) = made.shown.len().checked_sub(SHORT) {
        log.line(&format!("  and {more} more certificates"));
    }
    let named = |host: &String| made.shown.iter().any(|shown| shown.names.contains(host));
    let other = made.shown.iter().flat_map(|shown| &shown.names).find(|name| !name.contains(['*', ':']));
    if let (false, Some(name)) = (hosts.iter().any(named), other) {
        let there = reached(address);
        log.line(&format!("  by its name: handfast get {} --connect {there}", url(&quoted(name))));
    }
    made.left_out.iter().for_each(|notice| log.line(&format!("  {}", clean(&notice.to_string()))));
    if let Some(file) = &asked.client_ca {
        let file = clean(&file.display().to_string());
        log.line(&format!("  clients:     show a certificate of the authorities of {file}"));
    }
    if asked.early_data > 0 {
        let most = asked.early_data;
        log.line(&format!(
            "  early data:  up to {most} B, of GET and HEAD alone; the log marks what came so"
        ));
    }
    match &made.issuer {
        Some(issuer) => trust(log, issuer, &url(first)),
        None => log.line("  renewed:     the files are looked at again as they change, and on SIGHUP"),
    }
    log.line("Ctrl-C stops it.");
}

/// How it is reached: where it listens, then by the names that were given.
fn hosts(asked: &Serve, address: SocketAddr) -> Vec<String> {
    let bracketed = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let local = address.ip().is_loopback() || address.ip().is_unspecified();
    let others = addresses(address).into_iter().filter(|ip| !ip.is_loopback()).map(bracketed);
    let named =
        asked.name.iter().filter(|name| !name.contains(['*', ':']) && name.parse::<IpAddr>().is_err());
    local.then(|| "localhost".to_owned()).into_iter().chain(others).chain(named.cloned()).collect()
}

fn trust(log: &Log, issuer: &Issuer, url: &str) {
    let file = quoted(&issuer.file.display().to_string());
    log.line(match issuer.kept {
        Kept::ForThisRun { .. } => {
            "  authority:   made for this run, gone with it; --authority DIR keeps one, to be installed once"
        }
        Kept::FromNowOn => {
            "  authority:   made now, and kept: its key signs whatever its holder wants, so guard it"
        }
        Kept::FromBefore => "  authority:   the one that was kept",
    });
    log.line(&format!("               SHA-256 {}", issuer.fingerprint()));
    log.line("To trust it:");
    log.line(&format!("  curl --cacert {file} {url}"));
    log.line(&format!("  handfast get --cacert {file} {url}"));
    if !matches!(issuer.kept, Kept::ForThisRun { .. }) {
        log.line(&format!("  in a browser: import {file} as an authority for web sites"));
    }
}

/// Where somebody on this machine connects to.
fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// As one word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(quoted("/tmp/x-1/ca.pem"), "/tmp/x-1/ca.pem");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
