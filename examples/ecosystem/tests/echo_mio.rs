//! `echo_mio`, with this library's clients, many at once, and `openssl s_client`.

mod support;

use handfast::pki::{ServerName, UnixTime};
use handfast::{ClientConfig, TlsStream};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;
use support::{AUTHORITY, Failed, Folder, Program, peers};

fn start(folder: &Folder) -> Result<(Program, String), Failed> {
    let leaf = AUTHORITY.leaf();
    let (chain, key) = (folder.file("chain.pem", &leaf.chain), folder.file("key.pem", &leaf.key));
    let mut command = Command::new(env!("CARGO_BIN_EXE_echo_mio"));
    let server = Program::start(command.args([&chain, &key, "127.0.0.1:0"]))?;
    let address = server.wait_for_line("listening on ")?;
    Ok((server, address))
}

fn connect(address: &str) -> TlsStream<TcpStream> {
    let config = Arc::new(ClientConfig::new(AUTHORITY.verifier(), UnixTime::now));
    let name = ServerName::try_from("localhost").unwrap();
    TlsStream::client(&config, name, TcpStream::connect(address).unwrap()).unwrap()
}

/// Bytes that differ from one connection to the next, and repeat themselves late.
fn bytes(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|n| ((n * 31 + (n >> 8) * 7 + seed * 13) % 251) as u8).collect()
}

const CONNECTIONS: usize = 100;

/// All shake hands before any says something; each says with close_notify that it
/// is done while its echo is under way, and gets all of it, and a clean end.
#[test]
fn a_hundred_at_once_get_back_exactly_what_they_said() -> Result<(), Failed> {
    let folder = Folder::new();
    let (_server, address) = start(&folder)?;
    let all_there = Arc::new(Barrier::new(CONNECTIONS));
    let clients = (0..CONNECTIONS).map(|seed| {
        let (address, all_there) = (address.clone(), all_there.clone());
        thread::spawn(move || {
            let mut tls = connect(&address);
            tls.handshake().unwrap();
            all_there.wait();
            // Some say megabytes: more than all buffers between hold.
            let said = bytes(seed, if seed % 10 == 0 { 8_000_000 } else { 100_000 + seed });
            let (mut reader, mut writer) = tls.split(TcpStream::try_clone).unwrap();
            let says = said.clone();
            let writes = thread::spawn(move || {
                writer.write_all(&says).unwrap();
                writer.close().unwrap();
            });
            let mut heard = Vec::new();
            reader.read_to_end(&mut heard).unwrap();
            writes.join().unwrap();
            assert!(heard == said, "{} bytes of {}, or others", heard.len(), said.len());
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().unwrap();
    }
    Ok(())
}

/// What one does wrong is its own affair.
#[test]
fn one_that_fails_harms_no_other() -> Result<(), Failed> {
    let folder = Folder::new();
    let (server, address) = start(&folder)?;
    let mut other = connect(&address);
    other.write_all(b"before")?;
    let mut heard = [0; 6];
    other.read_exact(&mut heard)?;

    let mut no_tls = TcpStream::connect(&address)?;
    no_tls.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
    let mut alert = Vec::new();
    no_tls.read_to_end(&mut alert)?;
    assert_eq!(alert.first(), Some(&21), "{alert:?}");
    server.wait_for("the peer does not speak TLS")?;
    let cut = connect(&address);
    let mut cut = { cut }.split(TcpStream::try_clone)?.0;
    cut.get_ref().shutdown(Shutdown::Write)?;
    cut.read_to_end(&mut Vec::new()).unwrap_err();
    server.wait_for("it ended without close_notify")?;

    other.write_all(b"behind")?;
    other.read_exact(&mut heard)?;
    assert_eq!(&heard, b"behind");
    Ok(())
}

#[test]
fn openssl_gets_its_echo() -> Result<(), Failed> {
    let Some([openssl]) = peers(["openssl"]) else { return Ok(()) };
    let folder = Folder::new();
    let (_server, address) = start(&folder)?;
    let ca = folder.file("ca.pem", &AUTHORITY.pem);
    for version in ["-tls1_3", "-tls1_2"] {
        let mut command = Command::new(&openssl);
        command.args(["s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-CAfile", &ca, version]);
        let mut client = Program::start(command.args(["-connect", &address]))?;
        client.say("an echo\n")?;
        client.wait_for_line("an echo")?;
        let (status, said) = client.finish()?;
        assert!(status.success(), "{said}");
    }
    Ok(())
}
