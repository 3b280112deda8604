//! Through proxies, by CONNECT.

use super::certificates::{client, server};
use super::web::{causes, connector, fetch, serve, text};
use handfast::{HttpsConnector, TlsAcceptor, TlsConnector};
use hyper_util::client::legacy::connect::{HttpConnector, proxy::Tunnel};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Carries one connection, and gives the line that asked for it.
async fn carry(stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
    let mut stream = BufStream::new(stream);
    let mut asked = String::new();
    while !asked.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut asked).await.unwrap(), 0, "{asked}");
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let line = asked.lines().next().unwrap().to_owned();
    if answer.contains("200") {
        let port = line.split([':', ' ']).nth(2).unwrap().parse::<u16>().unwrap();
        let mut to = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // The client goes when it has its page.
        let _whatever_ends_it = copy_bidirectional(&mut stream, &mut to).await;
    }
    line
}

async fn proxy(tls: Option<TlsAcceptor>, answer: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let carried = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        match tls {
            Some(tls) => carry(tls.accept(tcp).await.unwrap(), answer).await,
            None => carry(tcp, answer).await,
        }
    });
    (port, carried)
}

fn tls() -> TlsConnector {
    TlsConnector::new(client(&[b"h2"]))
}

#[tokio::test]
async fn a_tunnel_stands_below() {
    let port = serve("127.0.0.1", server(&[b"h2"])).await;
    let (at, carried) = proxy(None, "HTTP/1.1 200 yes\r\n\r\n").await;
    let below = Tunnel::new(format!("http://127.0.0.1:{at}").parse().unwrap(), HttpConnector::new());
    let response =
        fetch(HttpsConnector::over(below, tls()), &format!("https://localhost:{port}/")).await.unwrap();
    assert_eq!(text(response).await.unwrap(), "127.0.0.1 asks localhost for h2");
    assert_eq!(carried.await.unwrap(), format!("CONNECT localhost:{port} HTTP/1.1"));
}

#[tokio::test]
async fn a_proxy_may_be_spoken_to_over_tls_itself() {
    let port = serve("127.0.0.1", server(&[b"h2"])).await;
    let (at, carried) = proxy(Some(TlsAcceptor::new(server(&[]))), "HTTP/1.1 200 yes\r\n\r\n").await;
    let below = Tunnel::new(format!("https://localhost:{at}").parse().unwrap(), connector(&[]));
    let response =
        fetch(HttpsConnector::over(below, tls()), &format!("https://localhost:{port}/")).await.unwrap();
    assert_eq!(text(response).await.unwrap(), "127.0.0.1 asks localhost for h2");
    assert_eq!(carried.await.unwrap(), format!("CONNECT localhost:{port} HTTP/1.1"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_no_way_round_it() {
    let (at, carried) = proxy(None, "HTTP/1.1 407 no\r\n\r\n").await;
    let below = Tunnel::new(format!("http://127.0.0.1:{at}").parse().unwrap(), HttpConnector::new());
    let error = fetch(HttpsConnector::over(below, tls()), "https://localhost/").await.unwrap_err();
    let causes = causes(&error);
    assert_eq!(causes[1], "localhost is not reached");
    assert!(causes[2].contains("proxy authorization required"), "{causes:?}");
    assert_eq!(carried.await.unwrap(), "CONNECT localhost:443 HTTP/1.1");
}
