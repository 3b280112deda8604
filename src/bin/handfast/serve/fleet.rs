//! `--redis`: servers that resume each other's sessions, and take early data once among
//! them all.

use super::args::Serve;
use super::log::Log;
use crate::private;
use handfast::fleet::{Fleet, FleetSettings, Notice};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use zeroize::Zeroizing;

/// Starts what shares the store, and what is said of it.
pub(crate) fn start(asked: &Serve) -> Result<Option<(Fleet, Receiver<Notice>)>, String> {
    let (Some(url), Some(file)) = (&asked.redis, &asked.fleet_secret) else { return Ok(None) };
    let settings = FleetSettings::new(url, *secret(file)?).map_err(|error| format!("--redis: {error}"))?;
    let (tell, told) = channel();
    let fleet = settings.start(move |notice| {
        let _nobody_listens_any_more = tell.send(notice);
    });
    fleet.map(|fleet| Some((fleet, told))).map_err(|error| format!("--redis: {error}"))
}

/// Writes what is said of the store into the log, behind its first lines.
pub(crate) fn listen(told: Receiver<Notice>, log: Arc<Log>) {
    thread::spawn(move || told.iter().for_each(|notice| log.now(&notice.to_string())));
}

/// The secret of a fleet: 32 octets as they are, or in hexadecimal on one line.
fn secret(file: &Path) -> Result<Zeroizing<[u8; 32]>, String> {
    let bytes = private::read(file)?;
    let mut secret = Zeroizing::new([0; 32]);
    let taken = match <&[u8; 32]>::try_from(&bytes[..]) {
        Ok(octets) => {
            secret.copy_from_slice(octets);
            Ok(())
        }
        Err(_) => hex::decode_to_slice(bytes.trim_ascii(), &mut *secret),
    };
    let wrong = |_| {
        format!(
            "{0}: a fleet's secret is 32 random octets, or 64 hexadecimal digits: openssl rand -hex 32 > {0}",
            file.display()
        )
    };
    taken.map(|()| secret).map_err(wrong)
}
