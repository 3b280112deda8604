//! What tonic's requests are told of their connection.

use super::certificates::{client, identity, roots, server};
use handfast::pki::{ServerName, Verifier};
use handfast::{ClientAuth, TlsAcceptor, TlsConnector};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::Connected;

#[tokio::test]
async fn the_peer_and_what_was_negotiated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config =
        server(&[b"h2"]).client_auth(ClientAuth::Request(Verifier::chain_without_name(roots()).into()));
    let acceptor = TlsAcceptor::new(config);
    let alice = identity(&["alice"]);
    let leaf = alice.chain()[0].clone();
    let known = client(&[b"h2"]).identity(alice);
    for (config, certs) in [(known, Some(&[leaf][..])), (client(&[b"h2"]), None)] {
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let from = tcp.local_addr().unwrap();
        let connector = TlsConnector::new(config);
        let connecting = connector.connect(ServerName::try_from("localhost").unwrap(), tcp);
        let (accepted, _) = listener.accept().await.unwrap();
        let (ours, theirs) = tokio::join!(connecting, acceptor.accept(accepted));
        let (_client, tls) = (ours.unwrap(), theirs.unwrap());

        let info = tls.connect_info();
        assert_eq!(info.get_ref().remote_addr(), Some(from));
        assert_eq!(info.peer_certs(), certs);
        assert_eq!(info.info().alpn.as_deref(), Some(&b"h2"[..]));
    }
}
