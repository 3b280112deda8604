//! The connector: which protocol, which name, and what it says where it makes no connection.

use super::certificates::{identity, server};
use super::web::{causes, connector, fetch, ours, serve, text};
use axum::http::Version;
use handfast::pki::UnixTime;
use handfast::{Error, ServerConfig, TlsConnectInfo};
use std::error::Error as _;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];

#[tokio::test]
async fn the_protocol_is_what_alpn_chose() {
    let port = serve("127.0.0.1", server(BOTH)).await;
    let url = format!("https://localhost:{port}/");
    for (offered, version, alpn) in [
        (BOTH, Version::HTTP_2, "h2"),
        (&[b"http/1.1" as &[u8]], Version::HTTP_11, "http/1.1"),
        (&[], Version::HTTP_11, "nothing"),
    ] {
        let response = fetch(connector(offered), &url).await.unwrap();
        assert_eq!(response.version(), version);
        let tls = response.extensions().get::<TlsConnectInfo>().unwrap();
        assert_eq!(tls.info().alpn.as_deref(), offered.first().copied());
        assert_eq!(tls.peer_certs().unwrap().len(), 1);
        assert_eq!(text(response).await.unwrap(), format!("127.0.0.1 asks localhost for {alpn}"));
    }
    // The server's own choice, where the client's first is not its.
    let port = serve("127.0.0.1", server(&[b"http/1.1"])).await;
    let response = fetch(connector(BOTH), &format!("https://localhost:{port}/")).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
}

#[tokio::test]
async fn an_address_in_the_uri_is_what_the_certificate_must_name() {
    for (at, host, other) in [("127.0.0.1", "127.0.0.1", "::1"), ("::1", "[::1]", "127.0.0.1")] {
        let port = serve(at, ServerConfig::new(identity(&[at]), UnixTime::now)).await;
        let url = format!("https://{host}:{port}/");
        let page = text(fetch(connector(&[]), &url).await.unwrap()).await.unwrap();
        assert_eq!(page, format!("{at} asks nobody for nothing"));

        let port = serve(at, ServerConfig::new(identity(&[other]), UnixTime::now)).await;
        let url = format!("https://{host}:{port}/");
        let error = fetch(connector(&[]), &url).await.unwrap_err();
        assert!(matches!(ours(&error), Some(Error::CertificateRefused(_))), "{error:?}");
    }
}

#[tokio::test]
async fn a_wrong_host_is_told_in_a_sentence() {
    let port = serve("127.0.0.1", server(BOTH)).await;
    let error = fetch(connector(BOTH), &format!("https://user:secret@127.0.0.1:{port}/")).await.unwrap_err();
    let Some(Error::CertificateRefused(report)) = ours(&error) else { panic!("{error:?}") };
    let of_the_connector = error.source().unwrap();
    assert!(of_the_connector.source().unwrap().is::<Error>(), "whoever walks the chain finds it");
    let causes = causes(&error);
    assert_eq!(causes[1..], [format!("no TLS with 127.0.0.1:{port}"), report.to_string()]);
    assert!(causes[2].contains("localhost"), "{causes:?}");
    // What `fn main() -> Result` and `unwrap` print.
    let shown = format!("{error:?}");
    assert!(shown.contains(&format!("{}: {}", causes[1], causes[2])), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn http_goes_without_tls_only_where_that_is_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let error = tokio::select! {
        refused = fetch(connector(&[]), &url) => refused.unwrap_err(),
        _ = listener.accept() => panic!("a connection was made"),
    };
    assert!(causes(&error)[1].contains("http:// goes without TLS"), "{error:?}");

    let mut asked = tokio::spawn(async move { fetch(connector(&[]).allow_http(), &url).await });
    // The only connection that was made.
    let (mut tcp, _) = tokio::select! {
        accepted = listener.accept() => accepted.unwrap(),
        ended = &mut asked => panic!("{ended:?}"),
    };
    let mut first = [0; 16];
    tcp.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"GET / HTTP/1.1\r\n");
    drop(tcp);
    asked.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn what_is_not_reached_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = fetch(connector(&[]), &format!("https://localhost:{port}/")).await.unwrap_err();
    assert_eq!(causes(&error)[1], format!("localhost:{port} is not reached"), "{error:?}");
    assert!(causes(&error).len() > 2, "{error:?}");

    for (url, sentence) in [
        ("ftp://localhost/", "localhost is not connected to: ftp:// is neither https:// nor http://"),
        (
            "https://under_score.-example/",
            "\"under_score.-example\" is neither the name of a host nor an IP address",
        ),
    ] {
        let error = fetch(connector(&[]), url).await.unwrap_err();
        assert_eq!(causes(&error)[1], sentence);
    }
}
