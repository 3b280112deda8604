//! Fetches a page: `cargo run --example client -- HOST CA.pem`.

use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::{ClientConfig, TlsStream};
use std::io::{Read, Write};
use std::{env, error::Error, net::TcpStream, sync::Arc};

fn main() -> Result<(), Box<dyn Error>> {
    let (Some(host), Some(ca)) = (env::args().nth(1), env::args().nth(2)) else {
        return Err("usage: client HOST CA.pem".into());
    };
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(ca)?)?;
    let config = Arc::new(ClientConfig::new(Verifier::web_pki(roots), UnixTime::now));
    let tcp = TcpStream::connect((host.as_str(), 443))?;
    let mut tls = TlsStream::client(&config, ServerName::try_from(host.as_str())?, tcp)?;
    write!(tls, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut page = Vec::new();
    tls.read_to_end(&mut page)?;
    std::io::stdout().write_all(&page)?;
    Ok(())
}
