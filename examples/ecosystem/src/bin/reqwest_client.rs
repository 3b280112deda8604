//! Sends a request that reqwest built, and reads the answer as reqwest's, over a connection of handfast's:
//!
//!     cargo run --manifest-path examples/ecosystem/Cargo.toml --bin reqwest_client -- https://example.com/
//!
//! A second argument is a PEM file of the authorities to trust, in place of the system's.
//!
//! reqwest 0.13 has no place for TLS but its own: what `ClientBuilder::connector_layer`
//! wraps must give back a connection of a type that only reqwest can make. Its requests
//! and responses are hyper's underneath, so hyper-util's client carries them; redirects,
//! cookies and proxies, which reqwest's own client adds, it does not have.

use handfast::pki::{Roots, UnixTime, Verifier};
use handfast::{ClientConfig, HttpsConnector, TlsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("usage: reqwest_client URL [CA.pem]")?;
    let roots = match args.next() {
        Some(file) => authorities(&file)?,
        None => Roots::system()?.0,
    };
    let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now).alpn(&[b"h2", b"http/1.1"])?;
    let connections: Client<_, reqwest::Body> =
        Client::builder(TokioExecutor::new()).build(HttpsConnector::new(TlsConnector::new(config)));

    let request = reqwest::Client::new().get(url).bearer_auth("secret").build()?;
    let response = connections.request(request.try_into()?).await?;
    let response = reqwest::Response::from(response.map(reqwest::Body::wrap)).error_for_status()?;
    eprintln!("{:?} {}", response.version(), response.status());
    // A body that is cut off is an error here, never a short page.
    print!("{}", response.text().await?);
    Ok(())
}

fn authorities(file: &str) -> Result<Roots, Box<dyn Error>> {
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(file)?)?;
    Ok(roots)
}
