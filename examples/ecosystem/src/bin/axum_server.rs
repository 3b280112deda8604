//! An axum server over HTTP/2 and HTTP/1.1, with a certificate made on the spot if none is given:
//!
//!     cargo run --manifest-path examples/ecosystem/Cargo.toml --bin axum_server -- [ADDRESS [CHAIN.pem KEY.pem]]
//!
//! Then `curl --insecure https://localhost:8443/`. Ctrl-C ends it when all requests are answered.

use axum::extract::ConnectInfo;
use axum::{Router, routing::get};
use handfast::pki::UnixTime;
use handfast::{Identity, ServerConfig, TlsAcceptor, TlsConnectInfo, TlsListener};
use std::error::Error;
use std::net::SocketAddr;
use tokio::net::TcpListener;

async fn hello(ConnectInfo(tls): ConnectInfo<TlsConnectInfo<SocketAddr>>) -> String {
    let version = tls.info().version.map_or_else(String::new, |version| version.to_string());
    format!("hello, {}, over {version}\n", tls.get_ref().ip())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let address = args.first().map_or("127.0.0.1:8443", String::as_str);
    let config = ServerConfig::new(identity(args.get(1..3))?, UnixTime::now).alpn(&[b"h2", b"http/1.1"])?;

    let tcp = TcpListener::bind(address).await?;
    println!("https://localhost:{}/", tcp.local_addr()?.port());
    let listener =
        TlsListener::new(tcp, TlsAcceptor::new(config)).on_error(|from, error| eprintln!("{from}: {error}"));
    let app = Router::new().route("/", get(hello));
    axum::serve(listener, app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>())
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

/// The certificate and key in these files, or one made for localhost.
fn identity(files: Option<&[String]>) -> Result<Identity, Box<dyn Error>> {
    if let Some([chain, key]) = files {
        return Ok(Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?);
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    Ok(Identity::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes())?)
}
