//! A body that is cut off is an error, never a short page.

use super::certificates::server;
use super::web::{connector, fetch, ours, text};
use handfast::{Error, TlsAcceptor};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// How the server ends its answer.
#[derive(Clone, Copy, PartialEq)]
enum End {
    CloseNotify,
    Cut,
}

/// What the client has of a server that answers with this, and ends so.
async fn page(answer: &'static str, end: End) -> Result<String, axum::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let server = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = BufReader::new(TlsAcceptor::new(server(&[])).accept(tcp).await.unwrap());
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert_ne!(tls.read_line(&mut line).await.unwrap(), 0);
        }
        tls.write_all(answer.as_bytes()).await.unwrap();
        tls.flush().await.unwrap();
        match end {
            End::CloseNotify => tls.shutdown().await.unwrap(),
            End::Cut => tls.get_mut().get_mut().shutdown().await.unwrap(),
        }
    });
    let page = text(fetch(connector(&[]), &url).await.unwrap()).await;
    server.await.unwrap();
    page
}

const BY_CLOSE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole";
const OLD: &str = "HTTP/1.0 200 OK\r\n\r\nwhole";
const BY_LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwhole";
const IN_CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n";

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_whole_after_close_notify_alone() {
    for answer in [BY_CLOSE, OLD] {
        assert_eq!(page(answer, End::CloseNotify).await.unwrap(), "whole");
        let error = page(answer, End::Cut).await.unwrap_err();
        assert!(matches!(ours(&error), Some(Error::Truncated)), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_with_an_end_of_its_own_needs_it_whatever_the_connection_says() {
    for answer in [BY_LENGTH, IN_CHUNKS] {
        for end in [End::CloseNotify, End::Cut] {
            page(answer, end).await.unwrap_err();
        }
    }
}
