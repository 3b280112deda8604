//! A small program as people have it: a client and a server of lines over TLS.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::error::Error;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

pub(crate) fn client_config(authority: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority)? {
        roots.add(certificate?)?;
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"lines/1".to_vec()];
    Ok(Arc::new(config))
}

pub(crate) fn server_config(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<std::result::Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"lines/1".to_vec()];
    Ok(Arc::new(config))
}

/// Sends the lines, and gives what came back until the server closed.
pub(crate) fn ask(config: &Arc<ClientConfig>, address: impl ToSocketAddrs, lines: &[&str]) -> Result<String> {
    let name = ServerName::try_from("lines.example")?.to_owned();
    let tcp = TcpStream::connect(address)?;
    let mut tls = StreamOwned::new(ClientConnection::new(config.clone(), name)?, tcp);
    for line in lines {
        writeln!(tls, "{line}")?;
    }
    writeln!(tls)?;
    tls.flush()?;
    let mut answers = String::new();
    match tls.read_to_string(&mut answers) {
        Err(cut) if cut.kind() == ErrorKind::UnexpectedEof => {
            Err(format!("cut off after {answers:?}").into())
        }
        read => Ok(read.map(|_| answers)?),
    }
}

/// Answers each line in capitals until an empty one, then closes.
pub(crate) fn serve(config: &Arc<ServerConfig>, listener: &TcpListener) -> Result<()> {
    let (tcp, _) = listener.accept()?;
    let tls = StreamOwned::new(ServerConnection::new(config.clone())?, tcp);
    let mut tls = BufReader::new(tls);
    let mut line = String::new();
    while tls.read_line(&mut line)? > 1 {
        tls.get_mut().write_all(line.to_uppercase().as_bytes())?;
        line.clear();
    }
    let mut tls = tls.into_inner();
    tls.conn.send_close_notify();
    Ok(tls.flush()?)
}
