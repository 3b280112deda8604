//! `handfast serve`: the files of a directory over HTTPS.
//!
//! ```text
//!   args -> listen -> config, issuer -> announce -> peer (TLS, HTTP) -> answer
//!                                            story, log         site, listing, body
//! ```

mod announce;
mod answer;
pub(crate) mod args;
mod body;
mod config;
mod early;
mod fleet;
mod issuer;
mod listing;
mod log;
mod path;
mod peer;
mod renewal;
mod shown;
mod signals;
mod site;
mod story;

use crate::exit::Exit;
use crate::explain::keylog::KeyLog;
use crate::text::count;
use announce::announce;
use args::Serve;
use log::Log;
use peer::Shared;
use signals::Signals;
use site::Site;
use socket2::{SockRef, TcpKeepalive};
use std::io::{Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use story::Stories;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Serves until it is told to stop.
pub(crate) fn run(asked: &Serve) -> Exit {
    let served = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let served = runtime.block_on(serve(asked));
            runtime.shutdown_background();
            served
        }
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => Exit::Success,
        Err(sentence) => {
            let _nobody_listens = writeln!(stderr(), "handfast: {sentence}");
            Exit::Misuse
        }
    }
}

async fn serve(asked: &Serve) -> Result<(), String> {
    let site = Arc::new(Site::new(&asked.dir)?);
    let keylog = asked.keylog.as_deref().map(KeyLog::open).transpose()?.map(Arc::new);
    let said = |error| format!("cannot listen on {}: {error}", asked.addr);
    let listener = TcpListener::bind(asked.addr).await.map_err(said)?;
    let address = listener.local_addr().map_err(said)?;
    let (fleet, told) = fleet::start(asked)?.unzip();
    let made = config::make(asked, address, fleet.as_ref())?;
    let log = Arc::new(Log::begin()?);
    // From here on they are waited for: who reads the first line may send one.
    let mut signals = Signals::hear().map_err(|error| format!("cannot wait for signals: {error}"))?;
    announce(&log, asked, &site, address, &made);
    if let Some(told) = told {
        fleet::listen(told, Arc::clone(&log));
    }
    let shared = Arc::new(Shared {
        site,
        log,
        config: made.live.clone(),
        fleet,
        answering: Arc::default(),
        stories: Stories { explain: asked.explain, keylog, complained: AtomicBool::new(false) },
        idle: asked.idle_timeout,
        handshake: asked.handshake_timeout,
    });

    let renewal = renewal::keep(asked.reload_every, made, Arc::clone(&shared.log))?;
    let (stopping, stop) = watch::channel(false);
    let room = Arc::new(Semaphore::new(asked.max_connections as usize));
    tokio::select! {
        () = accept(&listener, asked.tcp_keepalive, &shared, &room, &stop) => {}
        () = renewal => {}
        () = signals.stop() => {}
    }
    drop(listener);
    farewell(asked, &shared, &room, &stopping, &mut signals).await;
    shared.log.end();
    shared.stories.unwritten().map_or(Ok(()), Err)
}

/// Lets the connections end, for a while; says how it went.
async fn farewell(
    asked: &Serve,
    shared: &Shared,
    room: &Semaphore,
    stopping: &watch::Sender<bool>,
    signals: &mut Signals,
) {
    let left = || {
        let open = (asked.max_connections as usize).saturating_sub(room.available_permits());
        let answering = shared.answering.load(Ordering::Relaxed);
        (open, format!("{} with {} being answered", count(open, "connection"), count(answering, "request")))
    };
    let said = match left() {
        (0, _) => return shared.log.line("stopped"),
        (_, said) => said,
    };
    let most = asked.stop_timeout.as_secs_f64();
    shared.log.line(&format!(
        "stopping: {said}; at most {most} s are given them (--stop-timeout), Ctrl-C again ends them at once"
    ));
    let _they_look_at_it = stopping.send(true);
    let why = tokio::select! {
        ended = timeout(asked.stop_timeout, room.acquire_many(asked.max_connections)) => match ended {
            Ok(_) => return shared.log.line("stopped: all connections ended"),
            Err(_) => format!("after {most} s"),
        },
        () = signals.stop() => "at once".to_owned(),
    };
    shared.log.line(&format!("stopped {why}: {} cut", left().1));
}

/// Takes connections, as many as there is room for.
async fn accept(
    listener: &TcpListener,
    keepalive: Duration,
    shared: &Arc<Shared>,
    room: &Arc<Semaphore>,
    stop: &watch::Receiver<bool>,
) {
    let keepalive = TcpKeepalive::new().with_time(keepalive);
    while let Ok(place) = Arc::clone(room).acquire_owned().await {
        match listener.accept().await {
            Ok((tcp, peer)) => {
                prepare(&tcp, &keepalive);
                let (shared, stop) = (Arc::clone(shared), stop.clone());
                tokio::spawn(async move {
                    peer::serve(tcp, peer, shared, stop).await;
                    drop(place);
                });
            }
            // The client left again, or this side has no more descriptors.
            Err(error) => {
                shared.log.line(&format!("a connection could not be taken: {error}"));
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Without these settings a connection works as well: only slower, or longer.
fn prepare(tcp: &TcpStream, keepalive: &TcpKeepalive) {
    let _works_without = tcp.set_nodelay(true);
    let _works_without = SockRef::from(tcp).set_tcp_keepalive(keepalive);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tcp_asks_whether_the_peer_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        prepare(&tcp, &TcpKeepalive::new().with_time(Duration::from_secs(77)));
        let socket = SockRef::from(&tcp);
        assert!(socket.keepalive().unwrap() && tcp.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
    }
}
