//! Shows an ACME server that this machine is the domain's (tls-alpn-01, RFC 8737),
//! and greets all other visitors with the certificate that the site has:
//! `cargo run --example tls_alpn_01 -- DOMAIN KEY-AUTHORIZATION CHAIN.pem KEY.pem [ADDRESS]`.
//!
//! The certificate is chosen by what the ClientHello offers: only who offers
//! nothing but `acme-tls/1`, and names the domain, sees the one with the proof.

use handfast::pki::UnixTime;
use handfast::{Answer, Identity, Question, ServerConfig, TlsStream, sha256};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::{env, error::Error, sync::Arc};

const ACME: &[u8] = b"acme-tls/1";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [domain, authorization, chain, key, address @ ..] = arguments.as_slice() else {
        return Err("usage: tls_alpn_01 DOMAIN KEY-AUTHORIZATION CHAIN.pem KEY.pem [ADDRESS]".into());
    };
    // The ACME server comes to port 443: have it forwarded, or listen there.
    let address = address.first().map_or("127.0.0.1:8443", String::as_str);
    let site = Arc::new(Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?);
    let proof = Arc::new(proof(domain, authorization)?);
    let config = ServerConfig::asking_for_certificates(UnixTime::now).alpn(&[b"http/1.1", ACME])?;
    let config = Arc::new(config);

    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for tcp in listener.incoming() {
        let mut tls = TlsStream::server(&config, tcp?);
        if let Err(error) = serve(&mut tls, domain, &site, &proof) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

/// A self-signed certificate for the domain, with the SHA-256 of the key
/// authorization in a critical extension (RFC 8737 section 3).
fn proof(domain: &str, authorization: &str) -> Result<Identity, Box<dyn Error>> {
    let mut params = CertificateParams::new([domain.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&sha256(authorization.as_bytes()))];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Identity::new(vec![certificate.der().clone()], &key.into())?)
}

fn serve(
    tls: &mut TlsStream<TcpStream>,
    domain: &str,
    site: &Arc<Identity>,
    proof: &Arc<Identity>,
) -> std::io::Result<()> {
    tls.handshake_with(|question| {
        let Question::Certificate { hello } = question else { return None };
        let offered = hello.extensions.alpn.iter().flat_map(|list| list.iter());
        if !offered.map(|protocol| protocol.0).eq([ACME]) {
            return Some(Answer::Certificate(site.clone()));
        }
        let name = hello.extensions.server_name.unwrap_or_default();
        Some(match name.eq_ignore_ascii_case(domain.as_bytes()) {
            true => Answer::Certificate(proof.clone()),
            false => Answer::NoCertificate,
        })
    })?;
    // The proof was the handshake: nothing is said over it (RFC 8737 section 4).
    if tls.info().alpn.as_deref() == Some(ACME) {
        println!("the ACME server has seen the proof");
    } else {
        tls.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nhello\n")?;
    }
    tls.close()
}
