//! Sessions resumed with openssl over TCP, in both roles and both versions. If
//! it is not there the tests show as `ignored`; with `HANDFAST_REQUIRE_PEERS=1`
//! they fail.

use handfast::pki::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, Verifier};
use handfast::wire::{NamedGroup, ProtocolVersion};
use handfast::{
    ClientAuth, ClientConfig, ClientSessions, ConnectionInfo, Identity, ServerConfig, TicketKeys, TlsStream,
    Trust,
};
use libtest_mimic::{Arguments, Failed, Trial};
use rcgen::{CertificateParams, KeyPair};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const HOST: &str = "server.test";
/// The time after which a test has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// A version, its flag and its name in openssl.
type Version = (ProtocolVersion, &'static str, &'static str);
const VERSIONS: [Version; 2] =
    [(ProtocolVersion::TLS13, "-tls1_3", "TLSv1.3"), (ProtocolVersion::TLS12, "-tls1_2", "TLSv1.2")];

fn main() -> ExitCode {
    let there = Command::new("openssl").arg("version").output().is_ok();
    let required = std::env::var_os("HANDFAST_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let mut trials = Vec::new();
    let mut add = |name: String, run: Box<dyn FnOnce() -> Result<(), Failed> + Send>| {
        trials.push(match there || required {
            true => Trial::test(name, run),
            false => Trial::test(format!("{name} (needs openssl)"), run).with_ignored_flag(true),
        });
    };
    for version in VERSIONS {
        let said = |what| format!("openssl {what}, {}", version.2);
        add(said("s_client"), Box::new(move || s_client(version, false)));
        add(said("s_client with a certificate"), Box::new(move || s_client(version, true)));
        add(said("s_client, other keys"), Box::new(move || s_client_other_keys(version)));
        add(said("s_server"), Box::new(move || s_server(version, &[])));
        add(
            said("s_server with client authentication"),
            Box::new(move || s_server(version, &["-Verify", "1"])),
        );
    }
    add(
        "openssl s_server, TLSv1.3, after a retry".to_owned(),
        Box::new(|| s_server(VERSIONS[0], &["-groups", "P-384"])),
    );
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A directory with a key and its certificate, gone on drop.
struct Files {
    directory: PathBuf,
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Files {
    fn new(name: &str) -> Result<Self, Failed> {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("handfast-resume-{}-{count}", std::process::id()));
        std::fs::create_dir(&directory)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new([name.to_owned()])?.self_signed(&key)?;
        std::fs::write(directory.join("chain.pem"), certificate.pem())?;
        std::fs::write(directory.join("key.pem"), key.serialize_pem())?;
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        Ok(Self { directory, leaf: certificate.der().clone(), key })
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    fn identity(&self) -> Result<Identity, Failed> {
        Ok(Identity::new(vec![self.leaf.clone()], &self.key)?)
    }

    fn verifier(&self) -> Verifier {
        Verifier::exactly(self.leaf.clone())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // It lies in the directory for temporary files: what stays there is swept.
        let _ = std::fs::remove_dir_all(&self.directory);
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

fn limited(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// One connection of s_client, which takes the session of `offered` and leaves
/// one in `kept`, to this side's server.
fn serve_once(
    config: &ServerConfig,
    files: &Files,
    version: Version,
    (offered, kept): (Option<&str>, &str),
) -> Result<(ConnectionInfo, String), Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let config = Arc::new(config.clone());
    let server = thread::spawn(move || {
        let mut tls = TlsStream::server(&config, limited(listener.accept()?.0)?);
        let mut line = String::new();
        tls.read_line(&mut line)?;
        tls.write_all(format!("heard {line}").as_bytes())?;
        tls.close()?;
        Ok::<_, io::Error>(tls.info().clone())
    });
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", HOST, "-ign_eof"]);
    command.args([version.1, "-sess_out", &files.path(kept)]);
    command.args(["-cert", &files.path("chain.pem"), "-key", &files.path("key.pem")]);
    if let Some(offered) = offered {
        command.args(["-sess_in", &files.path(offered)]);
    }
    let mut peer = Peer::start(&mut command)?;
    if let Some(stdin) = &mut peer.0.stdin {
        stdin.write_all(b"a line\n")?;
    }
    let output = peer.finish()?;
    let info =
        server.join().map_err(|_| "the server panicked")?.map_err(|error| format!("{error}; {output}"))?;
    let reused = output.contains(&format!("Reused, {}", version.2));
    match output.contains("heard a line") && reused == info.resumed {
        true => Ok((info, output)),
        false => Err(format!("resumed: {}; {output}", info.resumed).into()),
    }
}

fn expect(what: &str, got: bool) -> Result<(), Failed> {
    if got { Ok(()) } else { Err(what.to_owned().into()) }
}

fn s_client(version: Version, authenticated: bool) -> Result<(), Failed> {
    let (files, clients) = (Files::new(HOST)?, Files::new("client.test")?);
    let mut config = ServerConfig::new(files.identity()?, UnixTime::now).tickets(TicketKeys::random());
    if authenticated {
        config = config.client_auth(ClientAuth::Require(clients.verifier().into()));
    }
    let (first, _) = serve_once(&config, &clients, version, (None, "first"))?;
    expect("the first connection resumes", !first.resumed)?;
    for (offered, kept) in [("first", "second"), ("second", "third")] {
        // TLS 1.2 gives no new ticket as long as the key is the same: openssl
        // writes the old session again.
        let (info, output) = serve_once(&config, &clients, version, (Some(offered), kept))?;
        expect(&format!("nothing is resumed: {output}"), info.resumed)?;
        if authenticated {
            expect("another client", info.peer_chain.as_deref() == Some(&[clients.leaf.clone()][..]))?;
            expect("not by the policy", info.trust == Trust::Policy)?;
        }
        let kept_one = std::fs::exists(clients.path(kept))?;
        if !kept_one {
            std::fs::copy(clients.path(offered), clients.path(kept))?;
        }
    }
    Ok(())
}

fn s_client_other_keys(version: Version) -> Result<(), Failed> {
    let files = Files::new(HOST)?;
    let config =
        || Ok::<_, Failed>(ServerConfig::new(files.identity()?, UnixTime::now).tickets(TicketKeys::random()));
    serve_once(&config()?, &files, version, (None, "first"))?;
    let (info, _) = serve_once(&config()?, &files, version, (Some("first"), "second"))?;
    expect("a foreign ticket is taken", !info.resumed)
}

fn s_server(version: Version, flags: &[&str]) -> Result<(), Failed> {
    const CONNECTIONS: usize = 4;
    let files = Files::new(HOST)?;
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-rev", "-naccept", &CONNECTIONS.to_string()]);
    command.args(["-cert", &files.path("chain.pem"), "-key", &files.path("key.pem"), version.1]).args(flags);
    let mut peer = Peer::start(&mut command)?;
    let mut lines = BufReader::new(peer.0.stdout.take().ok_or("no output")?);
    let port: u16 = loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err(format!("it ended: {}", peer.finish()?).into());
        }
        if let Some(port) = line.contains("ACCEPT").then(|| line.trim().rsplit(':').next()).flatten() {
            break port.parse()?;
        }
    };
    // It goes on talking: somebody must listen.
    thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
    let sessions = Arc::new(ClientSessions::new());
    let config = ClientConfig::new(files.verifier(), UnixTime::now).identity(files.identity()?);
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let config = Arc::new(config.groups(&groups)?.sessions(Arc::clone(&sessions)));
    for number in 0..CONNECTIONS {
        let stream = limited(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?)?;
        let mut tls = TlsStream::client(&config, ServerName::try_from(HOST)?, stream)?;
        tls.write_all(b"a line\n")?;
        let mut line = String::new();
        tls.read_line(&mut line)?;
        let info = tls.info();
        expect(&format!("{line:?}"), line == "enil a\n")?;
        expect(&format!("{info:?}"), info.version == Some(version.0) && info.resumed == (number > 0))?;
        expect("another server", info.peer_chain.as_deref() == Some(&[files.leaf.clone()][..]))?;
        expect("a retry", info.retried == flags.contains(&"-groups"))?;
        expect("no session is kept", !sessions.is_empty())?;
        tls.close()?;
    }
    Ok(())
}
