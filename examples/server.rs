//! Greets whoever connects: `cargo run --example server -- CHAIN.pem KEY.pem`.

use handfast::pki::UnixTime;
use handfast::{Identity, ServerConfig, TlsStream};
use std::io::Write;
use std::{env, error::Error, net::TcpListener, sync::Arc};

fn main() -> Result<(), Box<dyn Error>> {
    let (Some(chain), Some(key)) = (env::args().nth(1), env::args().nth(2)) else {
        return Err("usage: server CHAIN.pem KEY.pem".into());
    };
    let identity = Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?;
    let config = Arc::new(ServerConfig::new(identity, UnixTime::now));
    for tcp in TcpListener::bind("127.0.0.1:8443")?.incoming() {
        let mut tls = TlsStream::server(&config, tcp?);
        if let Err(error) = tls.write_all(b"hello\n").and_then(|()| tls.close()) {
            eprintln!("{error}");
        }
    }
    Ok(())
}
