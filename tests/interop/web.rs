//! A browser's and a web server's work: curl against our server, and our client
//! against nginx.

use crate::certificates::{NAME, certificates};
use crate::ours::{Stream, client, ensure, error, expect_alert, noise, serve};
use crate::program::{Program, on_free_port};
use crate::{Case, case};
use handfast::AlertDescription;
use libtest_mimic::Failed;
use std::fs;
use std::io::{BufRead, Read, Write};
use std::process::Command;

const LENGTH: usize = 10 << 20;

pub(crate) fn curl_cases() -> Vec<Case> {
    vec![case("curl: a page of 10 MiB", page_for_curl), case("curl: an unknown authority", curl_refuses)]
}

pub(crate) fn nginx_cases() -> Vec<Case> {
    vec![case("nginx: a page of 10 MiB", page_of_nginx)]
}

pub(crate) fn curl(port: u16) -> Command {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--resolve",
        &format!("{NAME}:{port}:127.0.0.1"),
    ]);
    command.arg(format!("https://{NAME}:{port}/"));
    command
}

/// Answers one request.
fn answer(mut stream: Stream) -> std::io::Result<Stream> {
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&noise(LENGTH))?;
    stream.close()?;
    Ok(stream)
}

fn page_for_curl() -> Result<(), Failed> {
    let served = serve(certificates().server("rsa").alpn(&[b"http/1.1"])?, answer)?;
    let mut curl = Program::start(curl(served.port).arg("--cacert").arg(certificates().root()))?;
    let (status, _) = curl.finish()?;
    ensure!(status.success(), "curl failed: {status}");
    ensure!(curl.output() == noise(LENGTH), "another page arrived");
    let stream = served.result()??;
    ensure!(stream.info().alpn.as_deref() == Some(b"http/1.1"), "{:?}", stream.info());
    Ok(())
}

fn curl_refuses() -> Result<(), Failed> {
    let served = serve(certificates().server("stranger"), answer)?;
    let mut curl = Program::start(curl(served.port).arg("--cacert").arg(certificates().root()))?;
    let (status, text) = curl.finish()?;
    ensure!(status.code() == Some(60), "{status}: {text}");
    expect_alert(&error(served.result()?)?, AlertDescription::UNKNOWN_CA)
}

fn page_of_nginx() -> Result<(), Failed> {
    let files = certificates().files("p256");
    let root = certificates().path("nginx");
    fs::create_dir_all(&root)?;
    fs::write(root.join("page"), noise(LENGTH))?;
    let (_nginx, port) = on_free_port(|port| {
        let place = root.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {place};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid {place}/pid; error_log stderr;\nevents {{}}\nhttp {{\n{temporary}\
             access_log off; server {{ listen 127.0.0.1:{port} ssl; server_name {NAME}; root {place};\n\
             ssl_protocols TLSv1.3; ssl_certificate {}; ssl_certificate_key {}; }} }}\n",
            files.chain.display(),
            files.key.display(),
        );
        let file = root.join(format!("{port}.conf"));
        fs::write(&file, config)?;
        let mut command = Command::new(crate::program::find("nginx").ok_or("nginx is gone")?);
        command.arg("-c").arg(file).arg("-p").arg(&root).args(["-e", "stderr"]);
        Ok(command)
    })?;
    let mut stream = client(certificates().client().alpn(&[b"http/1.1"])?, port)?;
    write!(stream, "GET /page HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    ensure!(line == "HTTP/1.1 200 OK\r\n", "{line}");
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line)?;
    }
    let mut page = Vec::new();
    // Ends well only with close_notify.
    stream.read_to_end(&mut page)?;
    ensure!(page == noise(LENGTH), "another page arrived");
    Ok(())
}
