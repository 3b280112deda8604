//! The server behind `TlsStream`, over a transport that would block when nothing
//! has come: what an idle connection takes as the adapter leaves it.

use crate::{Handfast, Ours};
use handfast::{ServerConfig, TlsStream};
use peers_common::{Chain, End, Job, Peer, Pipe};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

pub(crate) struct Streamed(Handfast);

impl Peer for Streamed {
    type Client = Ours;
    type Server = Stream;

    const HAS_ADAPTER: bool = true;

    fn new(job: &Job, chain: &Chain) -> Result<Self, String> {
        Handfast::new(job, chain).map(Self)
    }

    fn client(&mut self) -> Ours {
        self.0.client()
    }

    fn server(&mut self, tickets: bool) -> Stream {
        let config: &Arc<ServerConfig> = &self.0.servers[usize::from(!tickets)];
        Stream(Box::new(TlsStream::server(config, Pipe::default())))
    }
}

pub(crate) struct Stream(Box<TlsStream<Pipe>>);

impl End for Stream {
    fn step(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) {
        self.0.get_mut().fill(input);
        match self.0.handshake() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            _ => self.0.get_mut().drain(output),
        }
    }

    fn is_handshaking(&self) -> bool {
        self.0.connection().is_handshaking()
    }

    fn is_resumed(&self) -> bool {
        self.0.info().resumed
    }

    fn send(&mut self, data: &[u8], wire: &mut Vec<u8>) {
        self.0.write_all(data).unwrap();
        self.0.flush().unwrap();
        self.0.get_mut().drain(wire);
    }

    /// Reads until there is nothing more, as whoever waits for the next byte does.
    fn receive(&mut self, wire: &mut Vec<u8>, room: &mut [u8]) -> usize {
        self.0.get_mut().fill(wire);
        let mut arrived = 0;
        loop {
            match self.0.read(room) {
                Ok(n) => arrived += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return arrived,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn release_transport(&mut self) {
        self.0.get_mut().release();
    }

    fn rest(&mut self) -> bool {
        self.0.connection_mut().rest();
        true
    }
}
