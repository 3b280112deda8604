//! The example `mutual_tls`, with curl and openssl on the other side.

mod support;

use std::process::Command;
use support::{AUTHORITY, Folder, Program, peers, run};

#[test]
fn who_has_a_certificate_of_the_authority_is_greeted_by_name() {
    let Some([curl, openssl]) = peers(["curl", "openssl"]) else { return };
    let folder = Folder::new();
    let place = folder.path().to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mutual_tls"));
    let server = Program::start(command.args(["127.0.0.1:0", place])).unwrap();
    let line = server.wait_for_line("curl ").unwrap();

    // The very line that it prints.
    let said =
        run(Command::new(&curl).args(["--silent", "--show-error", "--noproxy", "*"]).args(line.split(' ')));
    assert_eq!(said, "hello, CN=alice\n");

    let (_, port) = line.trim_end_matches('/').rsplit_once(':').unwrap();
    let stranger = AUTHORITY.leaf();
    let files = [("chain.pem", &stranger.chain), ("key.pem", &stranger.key)];
    let [chain, key] = files.map(|(name, pem)| folder.file(name, pem));
    let of_alice =
        ["client.pem", "client.key"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    for (certificate, outcome) in [
        (vec!["-cert", &of_alice[0], "-key", &of_alice[1]], "hello, CN=alice"),
        (vec!["-cert", &chain, "-key", &key], "alert unknown ca"),
        (vec![], "alert certificate required"),
    ] {
        let mut command = Command::new(&openssl);
        command.args([
            "s_client",
            "-quiet",
            "-connect",
            &format!("127.0.0.1:{port}"),
            "-servername",
            "localhost",
        ]);
        let mut client = Program::start(command.args(certificate)).unwrap();
        client.say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        client.wait_for(outcome).unwrap();
    }
}
