//! The example `https_client`, with nginx on the other side.

mod support;

#[test]
fn pages_are_fetched_whole_and_from_the_right_host() {
    support::web::is_a_client(env!("CARGO_BIN_EXE_https_client"));
}

#[test]
fn the_environment_names_a_proxy() {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    let files = support::web::Files::new();
    let Some((_nginx, port)) = files.nginx(b"page") else { return };
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = proxy.local_addr().unwrap();
    let carried = std::thread::spawn(move || {
        let (mut from, _) = proxy.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            from.read_exact(&mut octet).unwrap();
            asked.extend(octet);
        }
        let mut to = TcpStream::connect(("127.0.0.1", port)).unwrap();
        from.write_all(b"HTTP/1.1 200 yes\r\n\r\n").unwrap();
        let (mut back, mut answer) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut answer, &mut back));
        let _whatever_ends_it = std::io::copy(&mut from, &mut to);
        String::from_utf8(asked).unwrap()
    });
    let fetched = std::process::Command::new(env!("CARGO_BIN_EXE_https_client"))
        .arg(format!("https://localhost:{port}/page"))
        .arg(&files.ca)
        .env("https_proxy", format!("http://{at}"))
        .output()
        .unwrap();
    assert_eq!(fetched.stdout, b"page", "{}", String::from_utf8_lossy(&fetched.stderr));
    let said = String::from_utf8_lossy(&fetched.stderr).into_owned();
    assert!(said.starts_with("HTTP/2.0 200 OK"), "{said}");
    assert!(carried.join().unwrap().starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")));
}
