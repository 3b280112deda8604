//! A redis-server of a test's own, which is stopped, restarted and filled.

use crate::folder::Folder;
use crate::program::Program;
use libtest_mimic::Failed;
use redis::{Cmd, Connection, Value};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) struct Redis {
    folder: Folder,
    program: Option<Program>,
    arguments: Vec<String>,
}

impl Redis {
    pub(crate) fn start() -> Result<Self, Failed> {
        Self::with(&[])
    }

    /// With further settings of its own.
    pub(crate) fn with(arguments: &[&str]) -> Result<Self, Failed> {
        // The path of a socket has 107 bytes at most.
        let folder = Folder::within(&std::env::temp_dir());
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut redis = Self { folder, program: None, arguments };
        redis.start_again()?;
        Ok(redis)
    }

    /// With whatever snapshot lies in its folder.
    pub(crate) fn start_again(&mut self) -> Result<(), Failed> {
        let socket = self.socket();
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--save", "", "--unixsocket", &socket])
            .arg("--dir")
            .arg(self.folder.path());
        command.args(["--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0"]);
        let program = Program::start(command.args(["--enable-debug-command", "yes"]).args(&self.arguments))?;
        program.wait_for("eady to accept connections")?;
        self.program = Some(program);
        Ok(())
    }

    fn socket(&self) -> String {
        self.folder.path().join("s").to_str().unwrap().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket())
    }

    /// As if its machine lost its power.
    pub(crate) fn kill(&mut self) {
        self.program = None;
    }

    /// Another connection than the fleets'.
    pub(crate) fn connection(&self) -> Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Tells it something, in words.
    pub(crate) fn tell(&self, words: &str) -> Value {
        let mut command = Cmd::new();
        words.split(' ').for_each(|word| {
            command.arg(word);
        });
        command.query(&mut self.connection()).unwrap_or_else(|error| panic!("{words}: {error}"))
    }

    pub(crate) fn text(&self, words: &str) -> String {
        redis::from_redis_value(self.tell(words)).unwrap()
    }

    /// Makes the register an hour older than it is.
    pub(crate) fn ages(&self) {
        let mark = self.text("GET handfast:birth");
        let words: Vec<&str> = mark.split(' ').collect();
        let born = words[1].parse::<u64>().unwrap() - 3_600_000;
        let mark = format!("{} {born} {}", words[0], words[2]);
        redis::cmd("SET").arg("handfast:birth").arg(mark).exec(&mut self.connection()).unwrap();
    }

    /// The names that begin so.
    pub(crate) fn names(&self, start: &str) -> Vec<String> {
        let mut names: Vec<String> = redis::from_redis_value(self.tell(&format!("KEYS {start}*"))).unwrap();
        names.sort();
        names
    }

    /// A line of its INFO.
    pub(crate) fn info(&self, name: &str) -> String {
        let info = self.text("INFO everything");
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in {info}")).to_owned()
    }

    /// Stops its process, which keeps its connections and says nothing; until the end of
    /// what is done meanwhile.
    pub(crate) fn stopped<T>(&self, then: impl FnOnce() -> T) -> T {
        struct GoesOn(String);
        impl Drop for GoesOn {
            fn drop(&mut self) {
                signal(&self.0, "-CONT");
            }
        }
        let process = self.info("process_id");
        signal(&process, "-STOP");
        let _goes_on = GoesOn(process);
        then()
    }

    /// Has it follow the one at this port, until it has all that that has.
    pub(crate) fn follows(&self, port: u16) {
        self.tell(&format!("REPLICAOF 127.0.0.1 {port}"));
        let end = Instant::now() + Duration::from_secs(30);
        while self.info("master_link_status") != "up" {
            assert!(Instant::now() < end, "it does not follow");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.program = None;
        let _ = fs::remove_file(self.socket());
    }
}

fn signal(process: &str, signal: &str) {
    let sent = Command::new("kill").args([signal, process]).status().unwrap();
    assert!(sent.success());
}
