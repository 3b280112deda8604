//! A web server of axum's and a client of hyper-util's, over loopback.

use super::certificates::client;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Response, Uri};
use axum::{Router, routing::get};
use handfast::{HttpsConnector, ServerConfig, TlsAcceptor, TlsConnectInfo, TlsConnector, TlsListener};
use hyper_util::client::legacy::{Client, Error, connect::Connect};
use hyper_util::rt::TokioExecutor;
use std::error::Error as StdError;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Says from where the request came, and what was negotiated.
async fn told(ConnectInfo(tls): ConnectInfo<TlsConnectInfo<SocketAddr>>) -> String {
    let alpn = String::from_utf8_lossy(tls.info().alpn.as_deref().unwrap_or(b"nothing")).into_owned();
    let name = tls.info().server_name.as_deref().unwrap_or("nobody").to_owned();
    format!("{} asks {name} for {alpn}", tls.get_ref().ip())
}

/// Serves `/`; gives the port.
pub(crate) async fn serve(at: &str, config: ServerConfig) -> u16 {
    let tcp = TcpListener::bind((at, 0)).await.unwrap();
    let port = tcp.local_addr().unwrap().port();
    let listener = TlsListener::new(tcp, TlsAcceptor::new(config));
    let app = Router::new().route("/", get(told));
    let app = app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

pub(crate) fn connector(protocols: &[&[u8]]) -> HttpsConnector {
    HttpsConnector::new(TlsConnector::new(client(protocols)))
}

/// Fetches a page, or its head at least.
pub(crate) async fn fetch<C>(connector: C, url: &str) -> Result<Response<Body>, Error>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
    client.get(url.parse::<Uri>().unwrap()).await.map(|response| response.map(Body::new))
}

pub(crate) async fn text(response: Response<Body>) -> Result<String, axum::Error> {
    let octets = to_bytes(response.into_body(), 1 << 20).await?;
    Ok(String::from_utf8(octets.to_vec()).unwrap())
}

/// The chain of causes, a sentence each.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}

/// The error of this crate among the causes.
pub(crate) fn ours(error: &(dyn StdError + 'static)) -> Option<handfast::Error> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|cause| {
        let inside = cause.downcast_ref::<std::io::Error>().and_then(handfast::Error::of_io);
        inside.or_else(|| cause.downcast_ref::<handfast::Error>()).cloned()
    })
}
