//! An HTTP client that says whatever it is told, over this library's streams.

use super::certificates::AUTHORITY;
use super::run::Server;
use handfast::pki::{ServerName, UnixTime};
use handfast::{ClientConfig, TlsStream};
use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

pub(crate) type Stream = TlsStream<TcpStream>;

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line =
            self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':').unwrap().1.trim())
    }
}

pub(crate) fn connect(server: &Server) -> Stream {
    connect_to(server.port)
}

pub(crate) fn connect_to(port: u16) -> Stream {
    over(port, ClientConfig::new(AUTHORITY.verifier(), UnixTime::now))
}

pub(crate) fn connect_as(server: &Server, config: ClientConfig) -> Stream {
    over(server.port, config)
}

fn over(port: u16, config: ClientConfig) -> Stream {
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    TlsStream::client(&Arc::new(config), ServerName::try_from("localhost").unwrap(), tcp).unwrap()
}

/// Says this, with an end to the header, and hears one answer.
pub(crate) fn ask(stream: &mut Stream, request: &str) -> Answer {
    stream.write_all(format!("{request}\r\n\r\n").as_bytes()).unwrap();
    hear(stream, request.starts_with("HEAD"))
}

pub(crate) fn hear(stream: &mut Stream, head_only: bool) -> Answer {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "the head ends early: {head:?}");
    }
    let status = head[9..12].parse().unwrap();
    let mut answer = Answer { status, head, body: Vec::new() };
    if !head_only && let Some(length) = answer.header("content-length") {
        answer.body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut answer.body).unwrap();
    }
    answer
}

/// One request on a connection of its own.
pub(crate) fn ask_once(server: &Server, request: &str) -> Answer {
    ask(&mut connect(server), &format!("{request}\r\nHost: localhost"))
}
