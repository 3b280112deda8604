//! `starttls` and postfix, which Debian has, with a configuration of its own.

use super::certificates::AUTHORITY;
use super::example;
use super::folder::Folder;
use super::peers::{as_root, peers, run};
use super::program::{Program, on_free_port};
use libtest_mimic::Failed;
use std::io::{BufRead, BufReader, Write, copy};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

const MAIL: &str = "Subject: a test\n\n.a line that begins with a dot\nthe last line\n";

/// A mail server, stopped with the value.
struct Postfix {
    folder: Folder,
    program: PathBuf,
    log: Program,
    port: u16,
}

impl Postfix {
    /// One that takes mail for `mail.test`, in TLS alone; `None` if it is not there.
    fn start() -> Result<Option<Self>, Failed> {
        let Some([program]) = peers(["postfix"]) else { return Ok(None) };
        let Some(mut chown) = as_root("chown") else { return Ok(None) };
        // Its processes run as other users, who must reach it.
        let folder = Folder::within(&std::env::temp_dir());
        let leaf = AUTHORITY.leaf();
        folder.file("ca.pem", &AUTHORITY.pem);
        folder.file("chain.pem", leaf.chain);
        folder.file("key.pem", leaf.key);
        let at = folder.path().display();
        folder.file("etc/main.cf", MAIN.replace("FOLDER", &at.to_string()));
        for name in ["queue", "data", "mail"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        run(as_root("chown").unwrap().arg("postfix").arg(folder.path().join("data")));
        run(chown.arg("nobody").arg(folder.path().join("mail")));
        let (log, port) = on_free_port(|port| {
            folder.file("etc/master.cf", MASTER.replace("PORT", &port.to_string()));
            let mut command = as_root(&program).ok_or("no superuser")?;
            command.arg("-c").arg(folder.path().join("etc")).arg("start-fg");
            Ok(command)
        })?;
        Ok(Some(Self { folder, program, log, port }))
    }

    /// Runs the example, towards this port.
    fn send(&self, port: u16) -> Result<(bool, String), Failed> {
        let mut command = example("starttls");
        command.arg(format!("localhost:{port}")).arg(self.folder.path().join("ca.pem"));
        command.args(["me@here.test", "you@mail.test"]);
        let mut client = Program::start(&mut command)?;
        client.say(MAIL)?;
        let (status, said) = client.finish()?;
        Ok((status.success(), said))
    }

    fn mailbox(&self) -> PathBuf {
        self.folder.path().join("mail/inbox")
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Killed, it would leave its children behind; and what they wrote is theirs.
        if let Some(mut abort) = as_root(&self.program) {
            let _ = abort.arg("-c").arg(self.folder.path().join("etc")).arg("abort").output();
        }
        if let Some(mut remove) = as_root("rm") {
            let _ = remove.arg("-rf").arg(self.folder.path()).output();
        }
    }
}

#[test]
fn a_mail_arrives() -> Result<(), Failed> {
    let Some(postfix) = Postfix::start()? else { return Ok(()) };
    let (well, said) = postfix.send(postfix.port)?;
    assert!(well && said.contains("sent with TLS 1.3, TLS_AES_"), "{said}");
    assert!(said.contains("queued as"), "{said}");
    postfix.log.wait_for("TLS connection established from localhost[127.0.0.1]: TLSv1.3")?;
    postfix.log.wait_for("ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7")?;
    postfix.log.wait_for("delivered to mailbox")?;
    let mailbox = run(as_root("cat").unwrap().arg(postfix.mailbox()));
    assert!(mailbox.contains("with ESMTPS"), "{mailbox}");
    assert!(mailbox.contains("\n\n.a line that begins with a dot\nthe last line\n"), "{mailbox}");
    Ok(())
}

/// What somebody between puts behind the reply to STARTTLS came in plain text:
/// it is not taken for a reply that the server gave after the handshake.
#[test]
fn what_is_injected_before_the_handshake_is_refused() -> Result<(), Failed> {
    let Some(postfix) = Postfix::start()? else { return Ok(()) };
    let (port, between) = between(postfix.port, |line| match line {
        b"220 2.0.0 Ready to start TLS\r\n" => [line, b"250 injected\r\n"].concat(),
        _ => line.to_vec(),
    })?;
    let (well, said) = postfix.send(port)?;
    assert!(!well, "{said}");
    assert!(said.contains("the peer does not speak TLS: its first bytes are 250 injected"), "{said}");
    between.join().unwrap();
    postfix.log.wait_for("ehlo=1 starttls=0/1 commands=1/2")?;
    assert!(!postfix.mailbox().exists());
    Ok(())
}

/// Nothing is sent in plain text because somebody between took the offer out.
#[test]
fn no_offer_no_mail() -> Result<(), Failed> {
    let Some(postfix) = Postfix::start()? else { return Ok(()) };
    let (port, between) = between(postfix.port, |line| match line {
        b"250-STARTTLS\r\n" => Vec::new(),
        _ => line.to_vec(),
    })?;
    let (well, said) = postfix.send(port)?;
    assert!(!well && said.contains("offers no STARTTLS"), "{said}");
    between.join().unwrap();
    postfix.log.wait_for("ehlo=1 commands=1")?;
    Ok(())
}

/// Somebody between, who changes what the server says, line by line.
fn between(
    server: u16,
    change: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
) -> Result<(u16, JoinHandle<()>), Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let middle = thread::spawn(move || {
        let client = listener.accept().unwrap().0;
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let upwards = thread::spawn(move || {
            // Ends with the client, however that ends.
            let _ = copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
        let (mut lines, mut client) = (BufReader::new(server), client);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            if client.write_all(&change(&line)).is_err() {
                break;
            }
            line.clear();
        }
        upwards.join().unwrap();
    });
    Ok((port, middle))
}

const MAIN: &str = "\
compatibility_level = 3.6
queue_directory = FOLDER/queue
data_directory = FOLDER/data
maillog_file = /dev/stdout
myhostname = localhost
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = mail.test
virtual_mailbox_base = FOLDER/mail
virtual_mailbox_maps = static:inbox
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
smtpd_tls_cert_file = FOLDER/chain.pem
smtpd_tls_key_file = FOLDER/key.pem
smtpd_tls_security_level = encrypt
smtpd_tls_loglevel = 1
";

const MASTER: &str = "\
127.0.0.1:PORT inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";
