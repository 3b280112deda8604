//! TLS in front, plain HTTP behind, and the X-Forwarded headers that tell it from where:
//!
//!     cargo run --manifest-path examples/ecosystem/Cargo.toml --bin reverse_proxy -- 127.0.0.1:8080 [ADDRESS [CHAIN.pem KEY.pem]]
//!
//! The first argument is the server behind. The certificate is made on the spot if none is given.

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, Version, header, uri::PathAndQuery};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::any};
use handfast::pki::UnixTime;
use handfast::{Identity, ServerConfig, TlsAcceptor, TlsConnectInfo, TlsListener};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::error::Error;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// The server behind, and the connections to it.
#[derive(Clone)]
struct Behind {
    authority: String,
    client: Client<HttpConnector, Body>,
}

/// Headers of one connection, which are not for the next (RFC 9110 section 7.6.1).
const OF_THE_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

async fn forward(
    State(behind): State<Behind>,
    ConnectInfo(tls): ConnectInfo<TlsConnectInfo<SocketAddr>>,
    mut request: Request,
) -> Response {
    match address(&behind, &tls, &mut request) {
        Ok(()) => {}
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
    match behind.client.request(request).await {
        Ok(mut response) => {
            OF_THE_CONNECTION.iter().for_each(|name| drop(response.headers_mut().remove(name)));
            response.into_response()
        }
        Err(error) => {
            eprintln!("{}: {error:?}", behind.authority);
            (StatusCode::BAD_GATEWAY, "the server behind does not answer\n").into_response()
        }
    }
}

/// Addresses the request to the server behind, and says in its headers from where it came;
/// whatever the client said there is replaced.
fn address(
    behind: &Behind,
    tls: &TlsConnectInfo<SocketAddr>,
    request: &mut Request,
) -> Result<(), axum::http::Error> {
    // HTTP/2 has the host in the URI alone.
    let host = match request.uri().authority() {
        Some(authority) => Some(HeaderValue::from_str(authority.as_str())?),
        None => request.headers().get(header::HOST).cloned(),
    };
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let uri =
        Uri::builder().scheme("http").authority(behind.authority.as_str()).path_and_query(path).build()?;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;

    let headers = request.headers_mut();
    let named: Vec<_> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse::<HeaderName>().ok())
        .collect();
    named.iter().chain(&OF_THE_CONNECTION).for_each(|name| drop(headers.remove(name)));
    headers.insert("x-forwarded-for", HeaderValue::from_str(&tls.get_ref().ip().to_string())?);
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    headers.remove("x-forwarded-host");
    headers.remove("forwarded");
    if let Some(host) = host {
        headers.insert("x-forwarded-host", host.clone());
        headers.insert(header::HOST, host);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let authority = args.first().ok_or("usage: reverse_proxy BEHIND [ADDRESS [CHAIN.pem KEY.pem]]")?.clone();
    let address = args.get(1).map_or("127.0.0.1:8443", String::as_str);
    let config = ServerConfig::new(identity(args.get(2..4))?, UnixTime::now).alpn(&[b"h2", b"http/1.1"])?;

    let tcp = TcpListener::bind(address).await?;
    println!("https://localhost:{}/", tcp.local_addr()?.port());
    let listener =
        TlsListener::new(tcp, TlsAcceptor::new(config)).on_error(|from, error| eprintln!("{from}: {error}"));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let app = Router::new().fallback(any(forward)).with_state(Behind { authority, client });
    axum::serve(listener, app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>())
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

/// The certificate and key in these files, or one made for localhost.
fn identity(files: Option<&[String]>) -> Result<Identity, Box<dyn Error>> {
    if let Some([chain, key]) = files {
        return Ok(Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?);
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    Ok(Identity::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes())?)
}
