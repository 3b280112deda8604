//! Web servers: nginx, and one that cuts its answers off.

use super::{AUTHORITY, Folder, Program, on_free_port, peers};
use handfast::pki::UnixTime;
use handfast::{Identity, ServerConfig, TlsStream};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

/// The authority's certificate, and one for localhost with its key, as files.
pub(crate) struct Files {
    pub(crate) folder: Folder,
    pub(crate) ca: String,
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Files {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let leaf = AUTHORITY.leaf();
        let [ca, chain, key] =
            [("ca.pem", &AUTHORITY.pem), ("chain.pem", &leaf.chain), ("key.pem", &leaf.key)]
                .map(|(name, pem)| folder.file(name, pem));
        Self { folder, ca, chain, key }
    }

    /// nginx for localhost, over HTTP/2, too, with one page; its port.
    pub(crate) fn nginx(&self, page: &[u8]) -> Option<(Program, u16)> {
        let [nginx] = peers(["nginx"])?;
        self.folder.file("page", page);
        let place = self.folder.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {place};\n"))
            .concat();
        let started = on_free_port(|port| {
            let config = format!(
                "daemon off; master_process off; pid {place}/pid; error_log stderr;\nevents {{}}\nhttp {{\n\
                 {temporary} access_log off; server {{ listen 127.0.0.1:{port} ssl http2; root {place};\n\
                 ssl_certificate {}; ssl_certificate_key {}; }} }}\n",
                self.chain, self.key,
            );
            let config = self.folder.file(&format!("{port}.conf"), config);
            let mut command = Command::new(&nginx);
            command.args(["-c", &config, "-p"]).arg(self.folder.path()).args(["-e", "stderr"]);
            Ok(command)
        });
        Some(started.unwrap())
    }

    /// A server that answers one request with a body that ends with the connection,
    /// and says with close_notify that it is whole, or does not; its port.
    pub(crate) fn half_a_page(&self, whole: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (chain, key) = (std::fs::read(&self.chain).unwrap(), std::fs::read(&self.key).unwrap());
        let config = Arc::new(ServerConfig::new(Identity::from_pem(&chain, &key).unwrap(), UnixTime::now));
        std::thread::spawn(move || {
            let mut tls = TlsStream::server(&config, listener.accept().unwrap().0);
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut octet = [0];
                tls.read_exact(&mut octet).unwrap();
                asked.extend(octet);
            }
            tls.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf a page").unwrap();
            tls.flush().unwrap();
            if whole {
                tls.close().unwrap();
            }
        });
        port
    }
}

/// What a client is to do of which this is the program, called with a URL and the
/// authority's file: a page of nginx arrives whole, half a page is an error, and so is
/// another host, in a sentence.
pub(crate) fn is_a_client(program: &str) {
    let files = Files::new();
    let page: Vec<_> = (0..100_000).map(|n| b"0123456789abcdef\n"[n % 17]).collect();
    if let Some((_nginx, port)) = files.nginx(&page) {
        let fetched =
            Command::new(program).arg(format!("https://localhost:{port}/page")).arg(&files.ca).output();
        let fetched = fetched.unwrap();
        assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
        assert_eq!(fetched.stdout, page);

        let other =
            Command::new(program).arg(format!("https://127.0.0.1:{port}/page")).arg(&files.ca).output();
        let other = other.unwrap();
        let said = String::from_utf8_lossy(&other.stderr);
        assert!(!other.status.success(), "{said}");
        assert!(said.contains("127.0.0.1") && said.contains("localhost"), "{said}");
        assert_eq!(other.stdout, b"");
    }
    for whole in [true, false] {
        let port = files.half_a_page(whole);
        let fetched =
            Command::new(program).arg(format!("https://localhost:{port}/")).arg(&files.ca).output().unwrap();
        let said = String::from_utf8_lossy(&fetched.stderr);
        assert_eq!(fetched.status.success(), whole, "{said}");
        match whole {
            true => assert_eq!(fetched.stdout, b"half a page"),
            false => assert!(said.contains("cut"), "{said}"),
        }
    }
}
