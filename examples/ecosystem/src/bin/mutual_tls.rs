//! A server that greets its clients by the names in their certificates, and lets nobody else in:
//!
//!     cargo run --manifest-path examples/ecosystem/Cargo.toml --bin mutual_tls -- [ADDRESS [FOLDER]]
//!
//! It makes an authority, a certificate for itself and one for a client named alice, puts
//! them into FOLDER, and says how curl shows the client's.

use axum::extract::ConnectInfo;
use axum::{Router, routing::get};
use handfast::pki::{Certificate, Roots, UnixTime, Verifier};
use handfast::{ClientAuth, Identity, ServerConfig, TlsAcceptor, TlsConnectInfo, TlsListener};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::TcpListener;

async fn hello(ConnectInfo(tls): ConnectInfo<TlsConnectInfo<SocketAddr>>) -> String {
    // The handshake has verified the chain, and that the client has the key.
    let leaf = tls.peer_certs().and_then(|chain| chain.first());
    let subject = leaf.and_then(|leaf| Certificate::read(leaf).ok()).map(|leaf| leaf.subject());
    format!("hello, {}\n", subject.unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or("127.0.0.1:8443".into());
    let folder = args.next().unwrap_or("mutual_tls".into());
    let folder = Path::new(&folder);
    let (authority, identity) = make_certificates(folder)?;

    let mut roots = Roots::new();
    roots.add_pem(authority.as_bytes())?;
    let config = ServerConfig::new(identity, UnixTime::now)
        .client_auth(ClientAuth::Require(Verifier::chain_without_name(roots).into()));

    let tcp = TcpListener::bind(address).await?;
    let [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(|name| folder.join(name));
    println!(
        "curl --cacert {} --cert {} --key {} https://localhost:{}/",
        ca.display(),
        cert.display(),
        key.display(),
        tcp.local_addr()?.port(),
    );
    let listener =
        TlsListener::new(tcp, TlsAcceptor::new(config)).on_error(|from, error| eprintln!("{from}: {error}"));
    let app = Router::new().route("/", get(hello));
    axum::serve(listener, app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>())
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

/// The authority's certificate, and the server's with its key.
fn make_certificates(folder: &Path) -> Result<(String, Identity), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "the authority of the example");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    std::fs::write(folder.join("ca.pem"), &authority_pem)?;
    let issuer = Issuer::new(authority, authority_key);

    let leaf = |name: &str, purpose| -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        Ok((params.signed_by(&key, &issuer)?.pem(), key.serialize_pem()))
    };
    let (chain, key) = leaf("alice", ExtendedKeyUsagePurpose::ClientAuth)?;
    std::fs::write(folder.join("client.pem"), chain)?;
    std::fs::write(folder.join("client.key"), key)?;
    let (chain, key) = leaf("localhost", ExtendedKeyUsagePurpose::ServerAuth)?;
    Ok((authority_pem, Identity::from_pem(chain.as_bytes(), key.as_bytes())?))
}
