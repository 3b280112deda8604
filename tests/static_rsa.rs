//! Static RSA in TLS 1.2 with other implementations, over TCP: openssl and
//! gnutls in both roles. A program that is not there shows as `ignored`; with
//! `HANDFAST_REQUIRE_PEERS=1` it fails.

use handfast::pki::{CertificateDer, ServerName, UnixTime, Verifier, certificates};
use handfast::wire::{CipherSuite, ProtocolVersion};
use handfast::{
    AlertDescription, ClientAuth, ClientConfig, ConnectionInfo, Error, Identity, ServerConfig, TlsStream,
};
use libtest_mimic::{Arguments, Failed, Trial};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const HOST: &str = "server.test";
/// The time after which a test has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// A suite, with its name in openssl and its cipher in gnutls.
type Suite = (CipherSuite, &'static str, &'static str);
const SUITES: [Suite; 2] = [
    (CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", "AES-128-GCM"),
    (CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", "AES-256-GCM"),
];

fn main() -> ExitCode {
    let mut trials = Vec::new();
    let mut add = |name: String, peer: &'static str, run: Box<dyn FnOnce() -> Result<(), Failed> + Send>| {
        // openssl makes the keys for all of them.
        let there = is_there(peer) && is_there("openssl");
        let required = std::env::var_os("HANDFAST_REQUIRE_PEERS").is_some_and(|value| value == "1");
        trials.push(match there || required {
            true => Trial::test(name, run),
            false => Trial::test(format!("{name} (needs {peer})"), run).with_ignored_flag(true),
        });
    };
    for suite in SUITES {
        for (extended, with) in [(true, ""), (false, ", without extended master secret")] {
            let said = |peer| format!("{peer}, {}{with}", suite.1);
            add(said("openssl s_client"), "openssl", Box::new(move || s_client(suite, extended)));
            add(said("openssl s_server"), "openssl", Box::new(move || s_server(suite, extended, 2048)));
            add(said("gnutls-cli"), "gnutls-cli", Box::new(move || gnutls_cli(suite, extended)));
            add(said("gnutls-serv"), "gnutls-serv", Box::new(move || gnutls_serv(suite, extended)));
        }
        let said = |what| format!("{what}, {}", suite.1);
        add(
            said("openssl s_client with a certificate"),
            "openssl",
            Box::new(move || s_client_with_certificate(suite)),
        );
        add(said("openssl s_client without the switch"), "openssl", Box::new(move || refused(suite)));
        add(
            said("openssl s_server, a key of 4096 bits"),
            "openssl",
            Box::new(move || s_server(suite, true, 4096)),
        );
        add(
            said("openssl s_server, a client without the switch"),
            "openssl",
            Box::new(move || client_refused(suite)),
        );
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// A directory with a key and its certificate, gone on drop.
struct Files(PathBuf);

impl Files {
    fn new(bits: usize) -> Result<Self, Failed> {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("handfast-{}-{count}", std::process::id()));
        std::fs::create_dir(&directory)?;
        let files = Self(directory);
        let made = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "30", "-newkey", &format!("rsa:{bits}")])
            .args(["-subj", &format!("/CN={HOST}"), "-addext", &format!("subjectAltName=DNS:{HOST}")])
            .args(["-addext", "keyUsage=critical,digitalSignature,keyEncipherment"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &files.path("key.pem"), "-out", &files.path("chain.pem")])
            .output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
        }
        Ok(files)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path(name))
    }

    fn leaf(&self) -> Result<CertificateDer<'static>, Failed> {
        Ok(certificates(&self.read("chain.pem")?)?.remove(0))
    }

    fn client(&self, suite: Suite, extended: bool) -> Result<ClientConfig, Failed> {
        let config = ClientConfig::new(Verifier::exactly(self.leaf()?), UnixTime::now);
        let config = config.versions(&[ProtocolVersion::TLS12])?.allow_static_rsa().suites(&[suite.0])?;
        Ok(if extended { config } else { config.without_extended_master_secret() })
    }

    fn server(&self) -> Result<ServerConfig, Failed> {
        let identity = Identity::from_pem(&self.read("chain.pem")?, &self.read("key.pem")?)?;
        Ok(ServerConfig::new(identity, UnixTime::now))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // It lies in the directory for temporary files: what stays there is swept.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process that ends with its owner.
struct Peer(Child);

impl Peer {
    fn start(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map(Self)
    }

    /// Waits for its end; all that it said.
    fn finish(mut self) -> Result<String, Failed> {
        let (mut out, mut err) = (String::new(), String::new());
        self.0.stdout.take().map_or(Ok(0), |mut pipe| pipe.read_to_string(&mut out))?;
        self.0.stderr.take().map_or(Ok(0), |mut pipe| pipe.read_to_string(&mut err))?;
        self.0.wait()?;
        Ok(out + &err)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This side's server, for one connection: it sends back the first line.
fn serve(config: ServerConfig, listener: TcpListener) -> thread::JoinHandle<io::Result<ConnectionInfo>> {
    thread::spawn(move || {
        let mut tls = TlsStream::server(&Arc::new(config), limited(accept(&listener)?)?);
        let mut line = String::new();
        tls.read_line(&mut line)?;
        tls.write_all(format!("heard {line}").as_bytes())?;
        tls.close()?;
        Ok(tls.info().clone())
    })
}

fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let end = Instant::now() + LIMIT;
    loop {
        match listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                thread::sleep(Duration::from_millis(5));
            }
            result => {
                let stream = result?.0;
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
        }
    }
}

fn limited(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// Runs a client program, which must say these things, against this side's server.
fn against_server(
    config: ServerConfig,
    suite: Suite,
    extended: bool,
    command: impl FnOnce(u16) -> Command,
    said: &[&str],
) -> Result<ConnectionInfo, Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let server = serve(config, listener);
    let mut peer = Peer::start(&mut command(port))?;
    let mut stdin = peer.0.stdin.take();
    if let Some(stdin) = &mut stdin {
        stdin.write_all(b"a line\n")?;
    }
    let output = peer.finish()?;
    let info =
        server.join().map_err(|_| "the server panicked")?.map_err(|error| format!("{error}; {output}"))?;
    for said in said.iter().chain(&["heard a line"]) {
        if !output.contains(said) {
            return Err(format!("{said:?} is missing in: {output}").into());
        }
    }
    check(&info, suite, extended)?;
    Ok(info)
}

fn check(info: &ConnectionInfo, suite: Suite, extended: bool) -> Result<(), Failed> {
    let got = (info.version, info.suite, info.group, info.extended_master_secret);
    let expected = (Some(ProtocolVersion::TLS12), Some(suite.0), None, extended);
    if got == expected { Ok(()) } else { Err(format!("{got:?} in place of {expected:?}").into()) }
}

fn openssl_client(port: u16, suite: Suite) -> Command {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", HOST, "-ign_eof"]);
    command.args(["-tls1_2", "-cipher", suite.1]);
    command
}

fn s_client(suite: Suite, extended: bool) -> Result<(), Failed> {
    let mut config = Files::new(2048)?.server()?.allow_static_rsa();
    if !extended {
        config = config.without_extended_master_secret();
    }
    let cipher = format!("Cipher is {}", suite.1);
    let ems = if extended { "Extended master secret: yes" } else { "Extended master secret: no" };
    against_server(config, suite, extended, |port| openssl_client(port, suite), &[&cipher, ems])?;
    Ok(())
}

fn s_client_with_certificate(suite: Suite) -> Result<(), Failed> {
    let (files, clients) = (Files::new(3072)?, Files::new(2048)?);
    let judge = Verifier::exactly(clients.leaf()?);
    let config = files.server()?.allow_static_rsa().client_auth(ClientAuth::Require(judge.into()));
    let command = |port| {
        let mut command = openssl_client(port, suite);
        command.args(["-cert", &clients.path("chain.pem"), "-key", &clients.path("key.pem")]);
        command
    };
    let info = against_server(config, suite, true, command, &[])?;
    match info.peer_chain.as_deref() {
        Some([leaf]) if *leaf == clients.leaf()? => Ok(()),
        _ => Err("not the client's certificate".into()),
    }
}

fn gnutls_cli(suite: Suite, extended: bool) -> Result<(), Failed> {
    let config = Files::new(2048)?.server()?.allow_static_rsa();
    let command = |port: u16| {
        let mut command = Command::new("gnutls-cli");
        command.args(["--insecure", "--sni-hostname", HOST, "-p", &port.to_string()]);
        command.args(["--priority", &priority(suite, extended), "127.0.0.1"]);
        command
    };
    against_server(config, suite, extended, command, &["(RSA)"])?;
    Ok(())
}

fn priority(suite: Suite, extended: bool) -> String {
    let without = if extended { "" } else { ":%NO_SESSION_HASH" };
    format!("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA:-CIPHER-ALL:+{}{without}", suite.2)
}

/// Without the switch the client is told handshake_failure.
fn refused(suite: Suite) -> Result<(), Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let server = serve(Files::new(2048)?.server()?, listener);
    let output = Peer::start(&mut openssl_client(port, suite))?.finish()?;
    let error = server.join().map_err(|_| "the server panicked")?.map(|_| ()).unwrap_err();
    let alert = Error::of_io(&error).and_then(Error::alert);
    match output.contains("alert handshake failure") && alert == Some(AlertDescription::HANDSHAKE_FAILURE) {
        true => Ok(()),
        false => Err(format!("{error}; {output}").into()),
    }
}

/// Starts a server program; the line with which it says its port contains `ready`.
fn server_program(command: &mut Command, ready: &str) -> Result<(Peer, u16), Failed> {
    let mut peer = Peer::start(command)?;
    let mut lines = BufReader::new(peer.0.stdout.take().ok_or("no output")?);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err(format!("it ended: {}", peer.finish()?).into());
        }
        if let Some(port) = line.contains(ready).then(|| line.trim().rsplit(':').next()).flatten() {
            let port = port.parse()?;
            // It may go on talking: somebody must listen.
            thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
            return Ok((peer, port));
        }
    }
}

fn openssl_server(files: &Files, suite: Suite) -> Command {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-rev"]);
    command.args(["-cert", &files.path("chain.pem"), "-key", &files.path("key.pem")]);
    command.args(["-tls1_2", "-cipher", suite.1]);
    command
}

fn s_server(suite: Suite, extended: bool, bits: usize) -> Result<(), Failed> {
    let files = Files::new(bits)?;
    let (peer, port) = server_program(&mut openssl_server(&files, suite), "ACCEPT")?;
    let stream = limited(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?)?;
    let config = Arc::new(files.client(suite, extended)?);
    let mut tls = TlsStream::client(&config, ServerName::try_from(HOST)?, stream)?;
    tls.write_all(b"a line\n")?;
    let mut line = String::new();
    tls.read_line(&mut line)?;
    check(tls.info(), suite, extended)?;
    drop(peer);
    if line == "enil a\n" { Ok(()) } else { Err(format!("{line:?}").into()) }
}

fn gnutls_serv(suite: Suite, extended: bool) -> Result<(), Failed> {
    let files = Files::new(2048)?;
    // It takes no port 0: one that was free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let mut command = Command::new("gnutls-serv");
    command.args(["--echo", "--disable-client-cert", "--nodb", "-p", &port.to_string()]);
    command.args(["--x509certfile", &files.path("chain.pem"), "--x509keyfile", &files.path("key.pem")]);
    command.args(["--priority", &priority(suite, extended)]);
    let peer = Peer::start(&mut command)?;
    let end = Instant::now() + LIMIT;
    let stream = loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(20)),
            result => break limited(result?)?,
        }
    };
    let config = Arc::new(files.client(suite, extended)?);
    let mut tls = TlsStream::client(&config, ServerName::try_from(HOST)?, stream)?;
    tls.write_all(b"a line\n")?;
    let mut line = String::new();
    tls.read_line(&mut line)?;
    check(tls.info(), suite, extended)?;
    drop(peer);
    if line == "a line\n" { Ok(()) } else { Err(format!("{line:?}").into()) }
}

/// A client without the switch offers nothing to a server of static RSA alone.
fn client_refused(suite: Suite) -> Result<(), Failed> {
    let files = Files::new(2048)?;
    let (peer, port) = server_program(&mut openssl_server(&files, suite), "ACCEPT")?;
    let stream = limited(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?)?;
    let config = ClientConfig::new(Verifier::exactly(files.leaf()?), UnixTime::now);
    let config = Arc::new(config.versions(&[ProtocolVersion::TLS12])?);
    let mut tls = TlsStream::client(&config, ServerName::try_from(HOST)?, stream)?;
    let error = tls.handshake().unwrap_err();
    drop(peer);
    match Error::of_io(&error) {
        Some(Error::AlertReceived { description: AlertDescription::HANDSHAKE_FAILURE, .. }) => Ok(()),
        _ => Err(error.to_string().into()),
    }
}
