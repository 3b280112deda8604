//! Fetches a page with ureq 3, whose TLS is a connector in a chain:
//!
//!     cargo run --manifest-path examples/ecosystem/Cargo.toml --bin ureq_client -- https://example.com/
//!
//! A second argument is a PEM file of the authorities to trust, in place of the system's.
//! ureq keeps its connectors in `unversioned`: a minor version of it may change them.

use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::{ClientConfig, TlsStream};
use std::error::Error;
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout,
    TcpConnector, Transport, TransportAdapter,
};

/// Shakes hands over the connection that the chain has made so far.
struct HandfastConnector(Arc<ClientConfig>);

impl<In: Transport> Connector<In> for HandfastConnector {
    type Out = Either<In, HandfastTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(below) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || below.is_tls() {
            return Ok(Some(Either::A(below)));
        }
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host).map_err(|error| ureq::Error::Other(error.into()))?;
        let mut below = TransportAdapter::new(below.boxed(), details.current_time.clone());
        below.set_timeout(details.timeout);
        let mut tls =
            TlsStream::client(&self.0, name, below).map_err(|error| ureq::Error::Other(error.into()))?;
        tls.handshake().map_err(failed)?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(HandfastTransport { tls, buffers })))
    }
}

struct HandfastTransport {
    tls: TlsStream<TransportAdapter>,
    buffers: LazyBuffers,
}

impl Transport for HandfastTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.tls.get_mut().set_timeout(timeout);
        self.tls.write_all(&self.buffers.output()[..amount]).and_then(|()| self.tls.flush()).map_err(failed)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.tls.get_mut().set_timeout(timeout);
        let n = self.tls.read(self.buffers.input_append_buf()).map_err(failed)?;
        self.buffers.input_appended(n);
        Ok(n > 0)
    }

    fn is_open(&mut self) -> bool {
        self.tls.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// ureq takes the errors of a connection that is cut for the end of a body, if they are
/// `Error::Io`: a page that somebody cut short would be a whole one.
fn failed(error: io::Error) -> ureq::Error {
    match ureq::Error::from(error) {
        ureq::Error::Io(error) => ureq::Error::Other(error.into()),
        timeout => timeout,
    }
}

impl fmt::Debug for HandfastConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandfastConnector")
    }
}

impl fmt::Debug for HandfastTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HandfastTransport").field(self.tls.info()).finish()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("usage: ureq_client URL [CA.pem]")?;
    let roots = match args.next() {
        Some(file) => authorities(&file)?,
        None => Roots::system()?.0,
    };
    let config = Arc::new(ClientConfig::new(Verifier::web_pki(roots), UnixTime::now));

    let chain =
        ().chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(HandfastConnector(config));
    let agent = ureq::Agent::with_parts(ureq::config::Config::default(), chain, DefaultResolver::default());
    let mut response = agent.get(url).call()?;
    // A body that is cut off is an error here, never a short page.
    io::copy(&mut response.body_mut().as_reader(), &mut io::stdout())?;
    Ok(())
}

fn authorities(file: &str) -> Result<Roots, Box<dyn Error>> {
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(file)?)?;
    Ok(roots)
}
