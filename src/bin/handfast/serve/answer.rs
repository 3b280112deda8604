//! A request and its answer (RFC 9110).

use super::body::Told;
use super::listing;
use super::log::{Log, word};
use super::range::{Asked, range};
use super::site::{Found, Site};
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HOST, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::HeaderValue;
use hyper::{Method, Request, Response, StatusCode, Version};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

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

/// What will be answered, before it is said in HTTP.
struct Plan {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    content: Content,
}

enum Content {
    Text(&'static str, String),
    Part { file: File, length: u64 },
    None,
}

impl Desk {
    /// Answers a request. Files are opened on a thread that may wait.
    pub(crate) async fn answer<B>(self, request: Request<B>) -> Response<Told<Ended>> {
        let counted = Counted::new(&self.answering);
        let (request, _body) = request.into_parts();
        let (method, path) = (request.method.clone(), request.uri.path().to_owned());
        let site = Arc::clone(&self.site);
        let planned = match method {
            // RFC 9112 section 3.2.
            _ if request.version == Version::HTTP_11 && request.headers.get_all(HOST).iter().count() != 1 => {
                Ok(Plan::text(StatusCode::BAD_REQUEST, "exactly one Host header is required"))
            }
            Method::GET | Method::HEAD => {
                tokio::task::spawn_blocking(move || plan(&site, &path, &request.headers)).await
            }
            _ => Ok(Plan {
                headers: vec![(ALLOW, "GET, HEAD".to_owned())],
                ..Plan::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served")
            }),
        };
        let failed = |_| Plan::text(StatusCode::INTERNAL_SERVER_ERROR, "something failed here");
        let line = format!("{} {}", word(method.as_str()), word(&request.uri.to_string()));
        self.say(planned.unwrap_or_else(failed), method == Method::HEAD, line, counted)
    }

    fn say(self, plan: Plan, head: bool, line: String, counted: Counted) -> Response<Told<Ended>> {
        let status = plan.status;
        let Self { log, peer, protocol, .. } = self;
        let ended: Ended = Box::new(move |bytes, whole| {
            let _until_now = &counted;
            let cut = if whole || head { "" } else { " cut" };
            log.of(peer, &format!("{line} {} {bytes}{cut} {protocol}", status.as_u16()));
        });
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            // What cannot be said in a header is left out.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        let length = match &plan.content {
            Content::Text(kind, text) => {
                set(CONTENT_TYPE, kind);
                text.len() as u64
            }
            Content::Part { length, .. } => *length,
            Content::None => 0,
        };
        if status != StatusCode::NOT_MODIFIED {
            set(CONTENT_LENGTH, &length.to_string());
        }
        set(X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(CACHE_CONTROL, "no-cache");
        plan.headers.iter().for_each(|(name, value)| set(name.clone(), value));
        let body = match plan.content {
            _ if head => Told::memory("", ended),
            Content::Text(_, text) => Told::memory(text, ended),
            Content::Part { file, length } => Told::file(file, length, ended),
            Content::None => Told::memory("", ended),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl Plan {
    fn text(status: StatusCode, text: &str) -> Self {
        let content = Content::Text("text/plain; charset=utf-8", format!("{text}\n"));
        Self { status, headers: Vec::new(), content }
    }
}

fn plan(site: &Site, path: &str, asked: &HeaderMap) -> Plan {
    match site.find(path) {
        Found::File { file, length, modified, name } => part(file, length, modified, &name, asked)
            .unwrap_or_else(|_| Plan::text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")),
        Found::Directory { path, title } => match listing::page(&path, &title) {
            Ok(page) => Plan {
                status: StatusCode::OK,
                headers: vec![(CONTENT_SECURITY_POLICY, "default-src 'none'".to_owned())],
                content: Content::Text("text/html; charset=utf-8", page),
            },
            Err(_) => Plan::text(StatusCode::FORBIDDEN, "this directory cannot be read"),
        },
        Found::Slash(to) => Plan {
            headers: vec![(LOCATION, to)],
            ..Plan::text(StatusCode::MOVED_PERMANENTLY, "a directory: its path ends with a slash")
        },
        Found::Nothing => Plan::text(StatusCode::NOT_FOUND, "there is no such file"),
        Found::Forbidden => Plan::text(StatusCode::FORBIDDEN, "this is not served"),
        Found::BadPath => Plan::text(StatusCode::BAD_REQUEST, "the path is not encoded as RFC 3986 says"),
    }
}

/// A file, or the part of it that was asked for.
fn part(
    mut file: File,
    length: u64,
    modified: Option<SystemTime>,
    name: &Path,
    asked: &HeaderMap,
) -> std::io::Result<Plan> {
    let modified = modified.map(httpdate::fmt_http_date);
    let header = |name| asked.get(name).and_then(|value| value.to_str().ok());
    let mut headers = vec![(ACCEPT_RANGES, "bytes".to_owned())];
    if let Some(modified) = &modified {
        headers.push((LAST_MODIFIED, modified.clone()));
    }
    let range_asked = match header(RANGE) {
        // Of what the client has a part of, if it is unchanged (RFC 9110 section 13.1.5).
        Some(_) if header(IF_RANGE).is_some_and(|have| Some(have) != modified.as_deref()) => Asked::Whole,
        Some(text) => range(text, length),
        None if modified.is_some() && is_fresh(header(IF_MODIFIED_SINCE), modified.as_deref()) => {
            return Ok(Plan { status: StatusCode::NOT_MODIFIED, headers, content: Content::None });
        }
        None => Asked::Whole,
    };
    let (status, length) = match range_asked {
        Asked::Whole => (StatusCode::OK, length),
        Asked::Part { from, length: part } => {
            file.seek(SeekFrom::Start(from))?;
            let last = (from + part).saturating_sub(1);
            headers.push((CONTENT_RANGE, format!("bytes {from}-{last}/{length}")));
            (StatusCode::PARTIAL_CONTENT, part)
        }
        Asked::Unsatisfiable => {
            let range = (CONTENT_RANGE, format!("bytes */{length}"));
            let plan = Plan::text(StatusCode::RANGE_NOT_SATISFIABLE, "the file has no such bytes");
            return Ok(Plan { headers: vec![range], ..plan });
        }
    };
    headers.push((CONTENT_TYPE, kind(name)));
    Ok(Plan { status, headers, content: Content::Part { file, length } })
}

/// Whether the client's copy is as new as the file.
fn is_fresh(have: Option<&str>, modified: Option<&str>) -> bool {
    let time = |text: Option<&str>| text.and_then(|text| httpdate::parse_http_date(text).ok());
    match (time(have), time(modified)) {
        (Some(have), Some(modified)) => modified <= have,
        _ => false,
    }
}

/// The content type that the file's name promises.
fn kind(name: &Path) -> String {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    match mime.type_() {
        mime_guess::mime::TEXT => format!("{mime}; charset=utf-8"),
        _ => mime.to_string(),
    }
}
