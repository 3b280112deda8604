//! Certificates that are renewed while the server runs.

use super::config::Made;
use super::issuer::{Issuer, LEAF};
use super::log::{Log, now};
use super::signals::Hangup;
use crate::text::clean;
use handfast::{Live, ServerConfig};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// How often to look whether a certificate of ours must be renewed. By the clock on the
/// wall: a machine that slept must not miss it.
const LOOK: Duration = Duration::from_secs(3_600);

/// Keeps the configuration as its files are, or renews what was made; never ready.
pub(crate) fn keep(every: Duration, made: Made, log: Arc<Log>) -> Result<impl Future<Output = ()>, String> {
    let Made { live, reloader, issuer, .. } = made;
    let logs = Arc::clone(&log);
    let watching = match reloader {
        None => None,
        Some(reloader) => {
            let tell = move |notice| logs.line(&format!("{} {}", now(), clean(&format!("{notice}"))));
            let watch = reloader.watch(every, tell).map_err(|error| error.to_string())?;
            let hangup = Hangup::hear().map_err(|error| format!("cannot wait for signals: {error}"))?;
            Some((watch, hangup))
        }
    };
    Ok(async move {
        let files = async {
            match watching {
                None => std::future::pending().await,
                Some((watch, mut hangup)) => loop {
                    hangup.recv().await;
                    log.line(&format!("{} SIGHUP: the files of certificates are looked at", now()));
                    watch.look();
                },
            }
        };
        let ours = async {
            match issuer {
                None => std::future::pending().await,
                Some(issuer) => renew(&issuer, &live, &log).await,
            }
        };
        tokio::join!(files, ours);
    })
}

/// Another certificate when half of the last one's life is over.
async fn renew(issuer: &Issuer, live: &Live<ServerConfig>, log: &Log) {
    let mut last = SystemTime::now();
    loop {
        sleep(LOOK).await;
        if last.elapsed().is_ok_and(|age| age < LEAF / 2) {
            continue;
        }
        let said = match issuer.identity() {
            Ok(identity) => {
                let identity = Arc::new(identity);
                live.update(|config| config.with_identities([Arc::clone(&identity)]));
                last = SystemTime::now();
                "the certificate was renewed".to_owned()
            }
            Err(error) => format!("the certificate could not be renewed: {error}"),
        };
        log.line(&format!("{} {said}", now()));
    }
}
