//! A request and its answer (RFC 9110).
//!
//! What is found is ours to say; how a file is sent, whole or in part, or not
//! because the client has it, is tower-http's.

use super::body::Told;
use super::listing;
use super::log::{Log, word};
use super::site::{Found, Site};
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, HeaderMap,
    HeaderValue, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower_http::services::ServeFile;
use tower_http::services::fs::ServeFileSystemResponseBody;

/// Bytes read from a file at once.
const CHUNK: usize = 256 * 1024;

/// The status of RFC 8470 section 5.2.
const TOO_EARLY: u16 = 425;

/// What all answers on one connection need.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) site: Arc<Site>,
    pub(crate) log: Arc<Log>,
    /// How many requests are being answered.
    pub(crate) answering: Arc<AtomicUsize>,
    pub(crate) peer: SocketAddr,
    /// Version and suite, for the log.
    pub(crate) protocol: String,
}

/// The end of a body, told to the log.
type Ended = Box<dyn FnMut(u64, bool) + Send>;

/// A file's part, or a text.
type Content = Either<ServeFileSystemResponseBody, Full<Bytes>>;

/// Counted while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Desk {
    /// Answers a request. Files are opened and read on threads that may wait.
    /// One that came as `early` data, in whole or in part, may be a replay.
    pub(crate) async fn answer<B>(self, request: Request<B>, early: bool) -> Response<Told<Content, Ended>> {
        let counted = Counted::new(&self.answering);
        let request = request.map(|_body| Full::<Bytes>::default());
        let line = format!("{} {}", word(request.method().as_str()), word(&request.uri().to_string()));
        // From what stands in between, with TLS of its own (RFC 8470 section 5.1).
        let early = early || request.headers().contains_key("early-data");
        let hosts = request.headers().get_all(HOST).iter().count();
        let head = request.method() == Method::HEAD;
        let mut response = match *request.method() {
            // RFC 9112 section 3.2.
            _ if request.version() == Version::HTTP_11 && hosts != 1 => {
                text(StatusCode::BAD_REQUEST, "exactly one Host header is required")
            }
            // RFC 8470 section 5.2.
            _ if early && ![Method::GET, Method::HEAD].contains(request.method()) => {
                let status = StatusCode::from_u16(TOO_EARLY).unwrap_or(StatusCode::BAD_REQUEST);
                text(status, "this came as early data and may be a replay: send it after the handshake")
            }
            Method::GET | Method::HEAD => find(&self.site, request).await,
            _ => {
                let refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served");
                with(refused, ALLOW, "GET, HEAD")
            }
        };
        response = with(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
        response = with(response, CACHE_CONTROL, "no-cache");
        let status = response.status();
        let length = match (head || status == StatusCode::NOT_MODIFIED, length(response.headers())) {
            (true, _) => 0,
            (false, length) => length.unwrap_or(0),
        };
        let Self { log, peer, protocol, .. } = self;
        let ended: Ended = Box::new(move |bytes, whole| {
            let _until_now = &counted;
            let cut = if whole { "" } else { " cut" };
            let early = if early { " Early-Data: 1" } else { "" };
            log.of(peer, &format!("{line} {} {bytes}{cut} {protocol}{early}", status.as_u16()));
        });
        let none = || Either::Right(Full::default());
        response.map(|body| Told::new(if head { none() } else { body }, length, ended))
    }
}

async fn find(site: &Arc<Site>, request: Request<Full<Bytes>>) -> Response<Content> {
    let (site, path) = (Arc::clone(site), request.uri().path().to_owned());
    let found = tokio::task::spawn_blocking(move || page(site.find(&path))).await;
    match found {
        Ok(Looked::File(file)) => send(&file, request).await,
        Ok(Looked::Else(response)) => response,
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "something failed here"),
    }
}

/// What was found, as far as it can be said without the file.
enum Looked {
    File(std::path::PathBuf),
    Else(Response<Content>),
}

fn page(found: Found) -> Looked {
    Looked::Else(match found {
        Found::File(file) => return Looked::File(file),
        Found::Directory { path, title } => match listing::page(&path, &title) {
            Ok(page) => {
                let page = with(text(StatusCode::OK, &page), CONTENT_TYPE, "text/html; charset=utf-8");
                with(page, CONTENT_SECURITY_POLICY, "default-src 'none'")
            }
            Err(_) => text(StatusCode::FORBIDDEN, "this directory cannot be read"),
        },
        Found::Slash(to) => {
            let moved = text(StatusCode::MOVED_PERMANENTLY, "a directory: its path ends with a slash");
            with(moved, LOCATION, &to)
        }
        Found::Nothing => text(StatusCode::NOT_FOUND, "there is no such file"),
        Found::Forbidden => text(StatusCode::FORBIDDEN, "this is not served"),
        Found::BadPath => text(StatusCode::BAD_REQUEST, "the path is not encoded as RFC 3986 says"),
    })
}

/// A file, or the part of it that was asked for.
async fn send(file: &Path, mut request: Request<Full<Bytes>>) -> Response<Content> {
    let is_range = |range: &HeaderValue| {
        range.to_str().is_ok_and(|range| http_range_header::parse_range_header(range).is_ok())
    };
    // Other units, and what is no range, are as if they were not there (RFC 9110 section 14.2).
    if !request.headers().get(RANGE).is_some_and(is_range) {
        request.headers_mut().remove(RANGE);
    }
    let mut service = ServeFile::new(file).with_buf_chunk_size(CHUNK).ignore_multi_range_requests(true);
    let mut sent = service.try_call(request.clone()).await;
    // A part is asked for of what the client has, if that is unchanged (RFC 9110 section 13.1.5).
    let other = |response: &Response<_>| {
        let partly = [StatusCode::PARTIAL_CONTENT, StatusCode::RANGE_NOT_SATISFIABLE];
        let is_this =
            |have| [ETAG, LAST_MODIFIED].iter().any(|name| response.headers().get(name) == Some(have));
        partly.contains(&response.status())
            && request.headers().get(IF_RANGE).is_some_and(|have| !is_this(have))
    };
    if sent.as_ref().is_ok_and(other) {
        request.headers_mut().remove(RANGE);
        sent = service.try_call(request).await;
    }
    let Ok(response) = sent else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read");
    };
    let response = response.map(Either::Left);
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    match kind.filter(|kind| kind.starts_with("text/")) {
        Some(kind) => {
            let kind = format!("{kind}; charset=utf-8");
            with(response, CONTENT_TYPE, &kind)
        }
        None => response,
    }
}

fn text(status: StatusCode, text: &str) -> Response<Content> {
    let text = format!("{}\n", text.trim_end());
    let length = text.len();
    let mut response = Response::new(Either::Right(Full::from(text)));
    *response.status_mut() = status;
    let response = with(response, CONTENT_TYPE, "text/plain; charset=utf-8");
    with(response, CONTENT_LENGTH, &length.to_string())
}

/// With a header; what cannot be said in one is left out.
fn with<B>(mut response: Response<B>, name: hyper::header::HeaderName, value: &str) -> Response<B> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
