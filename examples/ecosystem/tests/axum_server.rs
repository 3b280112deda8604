//! The example `axum_server`, with curl and h2load on the other side.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use support::web::Files;
use support::{Program, peers, run};

const EXAMPLE: &str = env!("CARGO_BIN_EXE_axum_server");

fn serve(args: &[&str]) -> (Program, String) {
    let server = Program::start(Command::new(EXAMPLE).arg("127.0.0.1:0").args(args)).unwrap();
    let rest = server.wait_for_line("https://localhost:").unwrap();
    (server, format!("https://localhost:{rest}"))
}

#[test]
fn curl_is_greeted_over_both_protocols() {
    let Some([curl]) = peers(["curl"]) else { return };
    let files = Files::new();
    let (_server, url) = serve(&[&files.chain, &files.key]);
    for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let mut command = Command::new(&curl);
        command.args(["--silent", "--show-error", "--noproxy", "*", option, "--cacert", &files.ca]);
        let said = run(command.args(["--write-out", "%{http_version}", &url]));
        assert_eq!(said, format!("hello, 127.0.0.1, over TLS 1.3\n{version}"));
    }
}

#[test]
fn a_certificate_is_made_where_none_is_given() {
    let Some([curl]) = peers(["curl"]) else { return };
    let (_server, url) = serve(&[]);
    let said =
        run(Command::new(curl).args(["--silent", "--show-error", "--noproxy", "*", "--insecure", &url]));
    assert!(said.starts_with("hello, 127.0.0.1"), "{said}");
}

#[test]
fn every_request_of_a_load_succeeds() {
    let Some([h2load]) = peers(["h2load"]) else { return };
    let (_server, url) = serve(&[]);
    for (protocol, streams) in [("h2", "10"), ("http/1.1", "1")] {
        let mut command = Command::new(&h2load);
        command.args([
            "--requests=4000",
            "--clients=40",
            "--npn-list",
            protocol,
            "--max-concurrent-streams",
            streams,
        ]);
        let said = run(command.arg(&url));
        assert!(said.contains(&format!("Application protocol: {protocol}")), "{said}");
        assert!(said.contains("4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
        assert!(said.contains("4000 2xx"), "{said}");
    }
}

#[test]
fn ctrl_c_ends_it_well() {
    let Some([curl]) = peers(["curl"]) else { return };
    let mut server = Command::new(EXAMPLE).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    // It serves, so it listens for Ctrl-C, too.
    run(Command::new(curl).args(["--silent", "--show-error", "--noproxy", "*", "--insecure", line.trim()]));
    run(Command::new("kill").args(["-INT", &server.id().to_string()]));
    assert!(server.wait().unwrap().success());
}
