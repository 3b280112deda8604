//! A user's first hour: README's client and server, pasted into an empty project,
//! built with the oldest Rust that is promised, where it is installed, and run; and
//! what an error looks like there, the client's first one and those of a `main` that
//! returns them.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

const README: &str = include_str!("../README.md");

/// How the error of a wrong host reads: what was found, what is required, a hint.
const WRONG_HOST: &str = "the certificate of CN=rcgen self signed cert was refused: it does not \
                          name example.com; required is the server's name among the names of the \
                          certificate (RFC 9525 6) (names in the certificate: server.test)";

/// A program that meets the same error, and lets `main`, `unwrap` and `expect` tell it.
const TOLD: &str = r#"
use handfast::{ClientConfig, Error, TlsStream, pki::{Roots, ServerName, UnixTime, Verifier}};
use std::{net::TcpStream, sync::Arc};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read("ROOTS")?)?;
    let config = Arc::new(ClientConfig::new(Verifier::web_pki(roots), UnixTime::now));
    let tcp = TcpStream::connect("ADDRESS")?;
    let mut tls = TlsStream::client(&config, ServerName::try_from("example.com")?, tcp)?;
    let told = tls.handshake().unwrap_err();
    let error = Error::of_io(&told).unwrap().clone();
    match std::env::args().nth(1).as_deref() {
        Some("unwrap") => Err(error).unwrap(),
        Some("expect") => Err(error).expect("no page"),
        Some("tree") => panic!("{error:#?}"),
        Some("io") => Err(told)?,
        _ => Err(error)?,
    }
    Ok(())
}
"#;

/// An empty project, as `cargo init` makes it, with this checkout as its dependency.
struct Project(PathBuf);

impl Project {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("newcomer");
        fs::create_dir_all(folder.join("src/bin")).unwrap();
        let manifest = format!(
            "[package]\nname = \"newcomer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nhandfast = {{ path = {HERE:?} }}\n\n[workspace]\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        // The versions that are on this machine already.
        fs::copy(Path::new(HERE).join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        Self(folder)
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).to_str().unwrap().to_owned()
    }

    /// Writes a program whose places of the real world are changed for those of this test.
    fn program(&self, name: &str, text: &str, places: &[(&str, &str)]) {
        let mut text = text.to_owned();
        for (written, here) in places {
            assert!(text.contains(written), "{name}: nothing reads {written} any more");
            text = text.replace(written, here);
        }
        fs::write(self.0.join(format!("src/bin/{name}.rs")), text).unwrap();
    }

    fn build(&self) {
        let mut cargo = oldest_rust();
        cargo.args(["build", "--offline", "--quiet"]).env("CARGO_TARGET_DIR", self.0.join("target"));
        let built = cargo.current_dir(&self.0).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Command {
        let mut program = Command::new(self.0.join("target/debug").join(name));
        program.args(arguments).current_dir(&self.0).env_remove("RUST_BACKTRACE");
        program
    }
}

/// The cargo of the Rust that Cargo.toml promises, or this run's where it is not installed.
fn oldest_rust() -> Command {
    let version = env!("CARGO_PKG_RUST_VERSION");
    let installed = Command::new("rustup").args(["run", version, "cargo", "--version"]).output();
    if installed.is_ok_and(|said| said.status.success()) {
        let mut cargo = Command::new("rustup");
        cargo.args(["run", version, "cargo"]);
        return cargo;
    }
    println!("NOT TESTED with Rust {version}, which is not installed");
    Command::new(env!("CARGO"))
}

/// The programs of README, in its order: those of its blocks of Rust that have a `main`.
fn programs() -> [&'static str; 2] {
    let blocks = README.split("```rust").skip(1);
    let texts = blocks.filter_map(|block| block.split_once('\n')?.1.split("```").next());
    let found: Vec<_> = texts.filter(|text| text.contains("fn main()")).collect();
    <[_; 2]>::try_from(found).expect("README has a client and a server")
}

/// A server of the project, which ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Until it takes connections.
fn await_server(server: &mut Server, address: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).is_err() {
        assert!(server.0.try_wait().unwrap().is_none(), "the server has ended");
        assert!(Instant::now() < until, "the server takes no connections");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Standard output and standard error.
fn texts(output: &Output) -> (String, String) {
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
#[ignore = "builds a project with all that it depends on: cargo test --test newcomer -- --ignored"]
fn readme_is_pasted_into_an_empty_project() {
    let project = Project::new();
    let made = rcgen::generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    fs::write(project.path("chain.pem"), made.cert.pem()).unwrap();
    fs::write(project.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let roots = project.path("chain.pem");
    // A free port: the listener that found it is gone when the server asks for it.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();

    let [client, server] = programs();
    let there = [("example.com:443", &*address), ("/etc/ssl/certs/ca-certificates.crt", &*roots)];
    project.program("wrong-host", client, &there);
    let right = [&there[..], &[("try_from(\"example.com\")", "try_from(\"server.test\")")]].concat();
    project.program("client", client, &right);
    project.program("server", server, &[("127.0.0.1:8443", &*address)]);
    project.program("told", TOLD, &[("ADDRESS", &*address), ("ROOTS", &*roots)]);
    project.build();

    let mut server = Server(project.run("server", &[]).stderr(Stdio::null()).spawn().unwrap());
    await_server(&mut server, &address);

    let output = project.run("client", &[]).output().unwrap();
    assert_eq!(texts(&output), ("hello\n".to_owned(), String::new()));
    assert_eq!(output.status.code(), Some(0));

    let output = project.run("wrong-host", &[]).output().unwrap();
    assert_eq!(texts(&output), (String::new(), format!("{WRONG_HOST}\n")));
    assert_eq!(output.status.code(), Some(1));

    let told = |how| texts(&project.run("told", &[how]).output().unwrap()).1;
    assert_eq!(told("main"), format!("Error: {WRONG_HOST}\n"));
    // The frame is the standard library's.
    assert_eq!(told("io"), format!("Error: Custom {{ kind: PermissionDenied, error: {WRONG_HOST} }}\n"));
    let panics = |how, words: &str| {
        let said = told(how);
        assert!(said.contains(&format!("{words}{WRONG_HOST}\n")), "{how}: {said}");
    };
    panics("unwrap", "called `Result::unwrap()` on an `Err` value: ");
    panics("expect", "no page: ");
    panics("tree", "");
    let tree = told("tree");
    assert!(
        tree.lines().any(|line| line.starts_with("FAIL") && line.contains("HostName: it does not name")),
        "{tree}"
    );
}
