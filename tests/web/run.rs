//! Running the tool and its peers.

use super::certificates::{AUTHORITY, Leaf};
pub(crate) use super::folder::Folder;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), out: output.stdout, err }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    #[track_caller]
    pub(crate) fn code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}{}", self.text(), self.err);
        self
    }

    /// Both outputs must hold each of these.
    #[track_caller]
    pub(crate) fn says(&self, all: &[&str]) -> &Self {
        for each in all {
            assert!(
                self.text().contains(each) || self.err.contains(each),
                "{each:?}:\n{}{}",
                self.text(),
                self.err
            );
        }
        self
    }
}

pub(crate) fn get(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    Ran::of(command.arg("get").args(arguments).stdin(Stdio::null()).output().unwrap())
}

/// A running `handfast serve`, ended with the value.
pub(crate) struct Server {
    child: Child,
    reader: Option<JoinHandle<()>>,
    said: Arc<Mutex<String>>,
    pub(crate) port: u16,
    /// The files of the site are in `site/`, the authority's in `ca.pem`.
    pub(crate) folder: Folder,
}

impl Server {
    /// With the tests' authority, and these files.
    pub(crate) fn start(files: &[(&str, &[u8])], arguments: &[&str]) -> Self {
        Self::with(&AUTHORITY.leaf(), files, arguments)
    }

    pub(crate) fn with(leaf: &Leaf, files: &[(&str, &[u8])], arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let (cert, key) = (folder.file("cert.pem", &leaf.chain), folder.file("key.pem", &leaf.key));
        let mut all = vec!["--cert", &cert, "--key", &key];
        all.extend(arguments);
        Self::plain(folder, files, &all)
    }

    /// Without any certificate but what the arguments name.
    pub(crate) fn plain(folder: Folder, files: &[(&str, &[u8])], arguments: &[&str]) -> Self {
        folder.file("ca.pem", &AUTHORITY.pem);
        folder.file("outside.txt", "not to be served");
        let site = folder.path().join("site");
        std::fs::create_dir_all(&site).unwrap();
        for (name, bytes) in files {
            folder.file(&format!("site/{name}"), bytes);
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_handfast"))
            .arg("serve")
            .arg(&site)
            .args(["--addr", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        let port = first.rsplit_once("127.0.0.1:").unwrap().1.trim_end_matches([')', '\n']).parse().unwrap();
        let said = Arc::new(Mutex::new(first));
        let hears = Arc::clone(&said);
        Self { child, reader: Some(std::thread::spawn(move || read(&hears, out))), said, port, folder }
    }

    /// Waits until it has said this.
    #[track_caller]
    pub(crate) fn until(&self, text: &str) {
        for _ in 0..4_000 {
            if self.said.lock().unwrap().contains(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{text:?}: {}", self.said.lock().unwrap());
    }

    /// A signal, as Ctrl-C sends one.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// What it printed, and its exit code, when it has ended.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        (self.said.lock().unwrap().clone(), code)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ca(&self) -> String {
        self.folder.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    /// Fetches from it.
    pub(crate) fn get(&self, path: &str, arguments: &[&str]) -> Ran {
        let (url, ca) = (self.url(path), self.ca());
        let mut all = vec![url.as_str(), "--cacert", &ca];
        all.extend(arguments);
        get(&all)
    }

    /// Stops it as Ctrl-C does: what it printed, and its exit code.
    pub(crate) fn stop(self) -> (String, Option<i32>) {
        self.signal("INT");
        self.end()
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let killed = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(killed.unwrap().success());
}

fn read(said: &Mutex<String>, mut from: BufReader<ChildStdout>) {
    let mut line = String::new();
    while from.read_line(&mut line).is_ok_and(|n| n > 0) {
        said.lock().unwrap().push_str(&std::mem::take(&mut line));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
