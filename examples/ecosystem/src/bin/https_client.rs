//! Fetches a page with hyper-util's client, over HTTP/2 or HTTP/1.1 as ALPN decides:
//!
//!     cargo run --manifest-path examples/ecosystem/Cargo.toml --bin https_client -- https://example.com/
//!
//! A second argument is a PEM file of the authorities to trust, in place of the
//! system's; with `https_proxy` in the environment it goes through that proxy.

use handfast::pki::{Roots, UnixTime, Verifier};
use handfast::{ClientConfig, HttpsConnector, TlsConnectInfo, TlsConnector};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector, proxy::Tunnel};
use hyper_util::rt::TokioExecutor;
use std::error::Error;
use std::io::Write;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("usage: https_client URL [CA.pem]")?;
    let roots = match args.next() {
        Some(file) => authorities(&file)?,
        None => Roots::system()?.0,
    };
    let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now).alpn(&[b"h2", b"http/1.1"])?;
    let tls = TlsConnector::new(config);
    match std::env::var("https_proxy") {
        Ok(proxy) => {
            fetch(HttpsConnector::over(Tunnel::new(proxy.parse()?, HttpConnector::new()), tls), &url).await
        }
        Err(_) => fetch(HttpsConnector::new(tls), &url).await,
    }
}

async fn fetch(
    connector: impl Connect + Clone + Send + Sync + 'static,
    url: &str,
) -> Result<(), Box<dyn Error>> {
    let client: Client<_, String> = Client::builder(TokioExecutor::new()).build(connector);
    let mut response = client.get(url.parse()?).await?;
    if let Some(tls) = response.extensions().get::<TlsConnectInfo>() {
        eprintln!("{:?} {}, {:?}", response.version(), response.status(), tls.info().version);
    }
    // A body that is cut off is an error here, never a short page.
    while let Some(frame) = response.body_mut().frame().await {
        if let Ok(data) = frame?.into_data() {
            std::io::stdout().write_all(&data)?;
        }
    }
    Ok(())
}

fn authorities(file: &str) -> Result<Roots, Box<dyn Error>> {
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(file)?)?;
    Ok(roots)
}
