//! gRPC by tonic, a server and a client of it, without protoc: the messages are prost's derives,
//! the service is what tonic's code generation would write for
//! `service Greeter { rpc SayHello (HelloRequest) returns (HelloReply); }`.
//!
//!     cargo run --manifest-path examples/ecosystem/Cargo.toml --bin grpc -- serve [ADDRESS [CHAIN.pem KEY.pem]]
//!     cargo run --manifest-path examples/ecosystem/Cargo.toml --bin grpc -- call https://localhost:8443 CA.pem NAME
//!
//! The server makes a certificate for localhost if none is given, and writes it to grpc.pem.

use axum::serve::Listener;
use handfast::pki::{Roots, UnixTime, Verifier};
use handfast::{
    ClientConfig, HttpsConnector, Identity, ServerConfig, TlsAcceptor, TlsConnectInfo, TlsConnector,
    TlsListener,
};
use std::convert::Infallible;
use std::error::Error;
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::http::{self, uri::PathAndQuery};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;
use tonic::transport::server::TcpConnectInfo;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

const SAY_HELLO: &str = "/helloworld.Greeter/SayHello";

#[derive(Clone, PartialEq, prost::Message)]
struct HelloRequest {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HelloReply {
    #[prost(string, tag = "1")]
    message: String,
}

#[derive(Clone)]
struct Greeter;

impl Service<Request<HelloRequest>> for Greeter {
    type Response = Response<HelloReply>;
    type Error = Status;
    type Future = BoxFuture<Response<HelloReply>, Status>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<HelloRequest>) -> Self::Future {
        Box::pin(async move {
            let tls = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
            let from =
                tls.and_then(|tls| tls.get_ref().remote_addr()).ok_or_else(|| Status::internal("no TLS"))?;
            let message = format!("hello, {}, at {}", request.get_ref().name, from.ip());
            Ok(Response::new(HelloReply { message }))
        })
    }
}

impl NamedService for Greeter {
    const NAME: &'static str = "helloworld.Greeter";
}

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            Ok(match request.uri().path() {
                SAY_HELLO => tonic::server::Grpc::new(ProstCodec::default()).unary(Self, request).await,
                _ => Status::unimplemented("the Greeter only says hello").into_http(),
            })
        })
    }
}

async fn serve(address: &str, files: Option<&[String]>) -> Result<(), Box<dyn Error>> {
    let config = ServerConfig::new(identity(files)?, UnixTime::now).alpn(&[b"h2"])?;
    let tcp = TcpListener::bind(address).await?;
    println!("https://localhost:{}", tcp.local_addr()?.port());
    let listener =
        TlsListener::new(tcp, TlsAcceptor::new(config)).on_error(|from, error| eprintln!("{from}: {error}"));
    let incoming = futures_util::stream::unfold(listener, |mut listener| async {
        let (tls, _) = listener.accept().await;
        Some((Ok::<_, Infallible>(tls), listener))
    });
    Server::builder()
        .add_service(Greeter)
        .serve_with_incoming_shutdown(incoming, async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

async fn call(url: &str, ca: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(ca)?)?;
    let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now).alpn(&[b"h2"])?;
    let connector = HttpsConnector::new(TlsConnector::new(config));
    let channel = Endpoint::from_shared(url.to_owned())?.connect_with_connector(connector).await?;

    let mut greeter = tonic::client::Grpc::new(channel);
    greeter.ready().await?;
    let request = Request::new(HelloRequest { name: name.to_owned() });
    let codec: ProstCodec<HelloRequest, HelloReply> = ProstCodec::default();
    let reply = greeter.unary(request, PathAndQuery::from_static(SAY_HELLO), codec).await?;
    println!("{}", reply.into_inner().message);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["serve"] => serve("127.0.0.1:8443", None).await,
        ["serve", address] => serve(address, None).await,
        ["serve", address, _, _] => serve(address, args.get(2..4)).await,
        ["call", url, ca, name] => call(url, ca, name).await,
        _ => Err("usage: grpc serve [ADDRESS [CHAIN.pem KEY.pem]] | grpc call URL CA.pem NAME".into()),
    }
}

/// The certificate and key in these files, or one made for localhost.
fn identity(files: Option<&[String]>) -> Result<Identity, Box<dyn Error>> {
    if let Some([chain, key]) = files {
        return Ok(Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?);
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write("grpc.pem", made.cert.pem())?;
    Ok(Identity::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes())?)
}
