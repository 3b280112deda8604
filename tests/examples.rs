//! The examples, each run by its binary against what it talks to in the world.
//!
//! Other programs are found at run time: where one is missing that is said, and
//! its tests do nothing; with `HANDFAST_REQUIRE_PEERS=1` they fail.

mod examples {
    #[cfg(feature = "redis")]
    mod fleet;
    mod starttls;
    mod tell;
    mod tls_alpn_01;

    #[path = "../web/certificates.rs"]
    #[allow(dead_code)] // shared with others
    mod certificates;
    #[path = "../support/folder.rs"]
    mod folder;
    #[path = "../support/peers.rs"]
    mod peers;
    #[path = "../interop/program.rs"]
    #[allow(dead_code)] // shared with others
    mod program;

    use std::process::Command;

    /// An example, where cargo has put it: beside the folder of the tests.
    fn example(name: &str) -> Command {
        let test = std::env::current_exe().unwrap();
        let file = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join(name);
        assert!(file.is_file(), "{}: not there; `cargo build --examples` makes it", file.display());
        Command::new(file)
    }
}
