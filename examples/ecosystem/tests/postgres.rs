//! `postgres` and PostgreSQL, which Debian has, with a cluster of its own.

mod support;

use handfast::pki::UnixTime;
use handfast::{ClientConfig, ServerConfig, TlsStream};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use support::{AUTHORITY, Failed, Folder, Leaf, Program, find, missing, on_free_port, run};

const PASSWORD: &str = "correct horse";

/// A cluster of its own, which takes TLS and SCRAM alone.
struct Server {
    folder: Folder,
    program: Program,
    port: u16,
}

impl Server {
    fn start(leaf: &Leaf, ca: &str) -> Result<Option<Self>, Failed> {
        let Some(programs) = programs() else {
            missing("postgresql");
            return Ok(None);
        };
        // It does not run as root, and must reach its files.
        let folder = Folder::within(&std::env::temp_dir());
        let user = user();
        let data = folder.path().join("data");
        let files =
            [("ca.pem", ca), ("chain.pem", &leaf.chain), ("key.pem", &leaf.key), ("password", PASSWORD)];
        for (name, content) in files {
            let file = folder.file(name, content);
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600))?;
        }
        if user.is_some() {
            run(Command::new("chown").arg("-R").arg("postgres").arg(folder.path()));
        }
        let mut initdb = as_user(&programs.join("initdb"), user);
        initdb.args([
            "--no-sync",
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        initdb.arg("--pwfile").arg(folder.path().join("password"));
        run(initdb.arg("-D").arg(&data).current_dir(folder.path()));
        std::fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n")?;
        let (program, port) = on_free_port(|port| {
            let mut server = as_user(&programs.join("postgres"), user);
            server.arg("-D").arg(&data).arg("-p").arg(port.to_string()).current_dir(folder.path());
            for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "ssl=on", "fsync=off"] {
                server.args(["-c", setting]);
            }
            for (setting, file) in [("ssl_cert_file", "chain.pem"), ("ssl_key_file", "key.pem")] {
                server.arg("-c").arg(format!("{setting}={}", folder.path().join(file).display()));
            }
            Ok(server)
        })?;
        // The port is open before the cluster is.
        program.wait_for("ready to accept connections")?;
        Ok(Some(Self { folder, program, port }))
    }

    /// Runs the example, towards this port.
    fn query(&self, port: u16, password: &str) -> Result<(bool, String), Failed> {
        let server = format!(
            "host=localhost hostaddr=127.0.0.1 port={port} user=postgres dbname=postgres password='{password}' \
             sslmode=require channel_binding=require"
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_postgres"));
        let (status, said) =
            Program::start(command.arg(server).arg(self.folder.path().join("ca.pem")))?.finish()?;
        Ok((status.success(), said))
    }
}

/// Where the server's programs are: Debian has them behind the version.
fn programs() -> Option<PathBuf> {
    if let Some(initdb) = find("initdb").and_then(|path| path.canonicalize().ok()) {
        return initdb.parent().map(Path::to_owned);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    bins.filter(|bin| bin.join("initdb").is_file()).max()
}

/// The numbers of the user `postgres` and its group, where this is root.
fn user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| run(Command::new("id").args(arguments)).trim().parse().unwrap();
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

#[test]
fn a_query_with_channel_binding() -> Result<(), Failed> {
    let Some(server) = Server::start(&AUTHORITY.leaf(), &AUTHORITY.pem)? else { return Ok(()) };
    let (well, said) = server.query(server.port, PASSWORD)?;
    assert!(well && said.contains("ssl: true, TLSv1.3, TLS_AES_"), "{said}");
    assert!(said.contains("3000000 bytes came back"), "{said}");
    let (well, said) = server.query(server.port, "wrong")?;
    assert!(!well && said.contains("password authentication failed"), "{said}");
    Ok(())
}

/// The binding follows the hash of the certificate's signature.
#[test]
fn a_certificate_signed_with_sha384() -> Result<(), Failed> {
    let key = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = key();
    let ca = params.self_signed(&authority)?.pem();
    let (key, mut of_leaf) = (key(), CertificateParams::new(["localhost".to_owned()])?);
    of_leaf.use_authority_key_identifier_extension = true;
    let chain = of_leaf.signed_by(&key, &Issuer::new(params, authority))?.pem();
    let leaf = Leaf { chain, key: key.serialize_pem() };
    let Some(server) = Server::start(&leaf, &ca)? else { return Ok(()) };
    let (well, said) = server.query(server.port, PASSWORD)?;
    assert!(well && said.contains("ssl: true, TLSv1.3"), "{said}");
    Ok(())
}

/// Somebody between, with a certificate that the client trusts, cannot pass the
/// client's proof on: it is bound to another certificate than the server's.
#[test]
fn somebody_between_is_found_out() -> Result<(), Failed> {
    let Some(server) = Server::start(&AUTHORITY.leaf(), &AUTHORITY.pem)? else { return Ok(()) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let (port, behind) = (listener.local_addr()?.port(), server.port);
    let between = thread::spawn(move || between(&listener, behind).unwrap());
    let (well, said) = server.query(port, PASSWORD)?;
    between.join().unwrap();
    assert!(!well && said.contains("channel binding check failed"), "{said}");
    server.program.wait_for("SCRAM channel binding check failed")?;
    Ok(())
}

/// What both sides send until they speak TLS: the request, and the yes to it.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

fn between(listener: &TcpListener, server: u16) -> std::io::Result<()> {
    let (mut client, mut request, mut yes) = (listener.accept()?.0, [0; 8], [0]);
    client.read_exact(&mut request)?;
    assert_eq!(request, SSL_REQUEST);
    client.write_all(b"S")?;
    let config = ServerConfig::new(AUTHORITY.leaf().identity(), UnixTime::now);
    let mut client = TlsStream::server(&Arc::new(config), client);
    client.handshake()?;
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    server.write_all(&SSL_REQUEST)?;
    server.read_exact(&mut yes)?;
    let config = Arc::new(ClientConfig::new(AUTHORITY.verifier(), UnixTime::now));
    let mut server = TlsStream::client(&config, "localhost".try_into().unwrap(), server)?;
    // The two speak in turn: the client's first message, then answer and answer.
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..3 {
        let n = client.read(&mut buffer)?;
        server.write_all(&buffer[..n])?;
        let n = server.read(&mut buffer)?;
        client.write_all(&buffer[..n])?;
        if n == 0 || buffer[0] == b'E' {
            break;
        }
    }
    Ok(())
}
