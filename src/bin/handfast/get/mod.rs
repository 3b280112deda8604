//! `handfast get`: a URL, to standard output or a file.
//!
//! ```text
//!   args -> link -> fetch (TCP, TLS, HTTP) -> the body
//!            ^-------- a redirect ---'
//! ```

pub(crate) mod args;
mod early;
mod failure;
mod fetch;
mod heard;
pub(crate) mod link;
mod negotiated;
mod progress;

use crate::exit::Exit;
use crate::explain::keylog::KeyLog;
use crate::output::{self, Output};
use crate::sessions::SessionFile;
use crate::text::clean;
use args::Get;
use failure::{Failure, Phase};
use fetch::{Answered, Plan, header_line};
use handfast::ClientConfig;
use handfast::pki::UnixTime;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header::LOCATION;
use hyper::{Response, StatusCode};
use progress::progress;
use std::fs::File;
use std::io::{Write, stderr};
use std::sync::Arc;

/// The status of RFC 8470 section 5.2.
const TOO_EARLY: u16 = 425;

/// Fetches what was asked for.
pub(crate) fn run(asked: &Get) -> Exit {
    let ended = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(get(asked));
            // A name may still be looked up: nobody waits for it.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::misuse(error.to_string())),
    };
    match ended {
        Ok(()) => Exit::Success,
        Err(Failure::Output(_)) if output::has_failed() => Exit::Success, // main tells it
        Err(failure) => {
            complain(&format!("handfast: {failure}"));
            failure.exit()
        }
    }
}

async fn get(asked: &Get) -> Result<(), Failure> {
    let keylog = asked.keylog.as_deref().map(KeyLog::open).transpose().map_err(Failure::misuse)?;
    let keylog = keylog.map(Arc::new);
    let sessions = asked.sessions.sessions.as_deref().map(SessionFile::open).transpose();
    let sessions = sessions.map_err(Failure::misuse)?;
    let fetched = fetch(asked, keylog.clone(), sessions.as_ref()).await;
    // A ticket that was used is not there any more, whatever came of it.
    let saved = sessions.map_or(Ok(()), |sessions| sessions.save()).map_err(Failure::misuse);
    let ended = fetched.and(saved);
    match keylog.and_then(|keylog| keylog.error()) {
        Some(error) => Err(Failure::misuse(format!("the key log could not be written: {error}"))),
        None => ended,
    }
}

async fn fetch(
    asked: &Get,
    keylog: Option<Arc<KeyLog>>,
    sessions: Option<&SessionFile>,
) -> Result<(), Failure> {
    let (config, stranger, trusted) = configs(asked, sessions)?;
    if asked.trust.insecure {
        complain(
            "handfast: WARNING: --insecure: whatever certificate comes is accepted; the peer may be anybody.",
        );
    }
    let mut link = asked.link.clone();
    let mut redirects = 0;
    let mut early = asked.early_data;
    let answered = loop {
        let first = link.target == asked.link.target;
        let config = Arc::clone(if first { &config } else { &stranger });
        let keylog = keylog.clone();
        let plan = Plan { asked, link: &link, config, keylog, first, early, trusted: &trusted };
        let answered = plan
            .ask(|line| {
                if asked.verbose {
                    complain(line)
                }
            })
            .await?;
        if asked.verbose {
            head(&answered.response).iter().for_each(|line| complain(&format!("< {line}")));
        }
        // RFC 8470 section 5.2: once more, and not as early data.
        if answered.response.status().as_u16() == TOO_EARLY && std::mem::take(&mut early) {
            answered.close().await;
            continue;
        }
        let Some(location) = redirect(&answered.response).filter(|_| asked.location) else { break answered };
        if redirects == asked.max_redirs {
            return Err(Failure::Redirect(format!("{redirects} were, which is the most (--max-redirs)")));
        }
        redirects += 1;
        let told = |why| Failure::Redirect(format!("{link} leads to {location:?}: {why}"));
        let next = link.follow(&location).map_err(told)?;
        answered.close().await;
        link = next;
    };
    take(asked, answered).await
}

/// For the server that was named, and for those that it leads to.
fn configs(
    asked: &Get,
    sessions: Option<&SessionFile>,
) -> Result<(Arc<ClientConfig>, Arc<ClientConfig>, String), Failure> {
    let (verifier, trusted) = asked.trust.verifier(None).map_err(Failure::misuse)?;
    let config = ClientConfig::new(verifier, UnixTime::now);
    let config = asked.parameters.client(config).and_then(|config| config.alpn(&[b"http/1.1"]));
    let mut config = config.map_err(|error| Failure::misuse(error.to_string()))?;
    if asked.trust.insecure {
        config = config.ask_when_refused();
    }
    if let Some(file) = sessions {
        config = config.sessions(Arc::clone(&file.sessions));
    }
    if asked.early_data {
        config = config.early_data();
    }
    let stranger = Arc::new(config.clone());
    let named = match asked.identity.identity().map_err(Failure::misuse)? {
        Some(identity) => Arc::new(config.identity(identity).insist_on_identity()),
        None => Arc::clone(&stranger),
    };
    Ok((named, stranger, trusted))
}

/// Where the answer leads, if it is a redirect (RFC 9110 section 15.4).
fn redirect<T>(response: &Response<T>) -> Option<String> {
    let status = response.status();
    let is_one = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ]
    .contains(&status);
    let location = response.headers().get(LOCATION).filter(|_| is_one)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Status line and headers.
fn head<T>(response: &Response<T>) -> Vec<String> {
    let status = format!("{:?} {}", response.version(), response.status());
    let headers = response.headers().iter().map(|(name, value)| header_line(name, value));
    [clean(&status)].into_iter().chain(headers).collect()
}

/// Takes the answer: its head or its body, to where it was asked to go.
async fn take(asked: &Get, mut answered: Answered) -> Result<(), Failure> {
    let response = &mut answered.response;
    let status = response.status();
    let failed = asked.fail && status.as_u16() >= 400;
    let mut out: Box<dyn Write> = match &asked.output {
        _ if failed => Box::new(std::io::sink()),
        Some(file) => Box::new(File::create(file).map_err(Failure::Output)?),
        None => Box::new(Output),
    };
    if asked.head {
        let lines = head(response).iter().map(|line| format!("{line}\n")).collect::<String>();
        out.write_all(lines.as_bytes()).map_err(Failure::Output)?;
    }
    let whole = response.body().size_hint().exact();
    let progress = progress(!asked.silent && !failed, asked.output.is_some(), whole);
    while !failed && let Some(frame) = response.body_mut().frame().await {
        let frame = frame.map_err(|error| {
            progress.abandon();
            Failure::of_http(&error, asked.idle_timeout, Phase::Body(progress.position(), whole))
        })?;
        if let Some(data) = frame.data_ref() {
            out.write_all(data).map_err(Failure::Output)?;
            progress.inc(data.len() as u64);
        }
    }
    progress.abandon();
    out.flush().map_err(Failure::Output)?;
    answered.close().await;
    match failed {
        true => Err(Failure::Status(status.to_string())),
        false => Ok(()),
    }
}

/// Says something on standard error; if nobody listens, nobody does.
fn complain(text: &str) {
    let _nobody_listens = writeln!(stderr(), "{text}");
}
