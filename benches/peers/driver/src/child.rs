//! A child process that has one job.

use crate::plan::Peer;
use peers_common::{Job, Sample};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Child {
    process: Process,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Child {
    /// Fails, with the reason, where the peer was not built or cannot do the job.
    pub(crate) fn start(
        peer: &Peer,
        job: &Job,
        binaries: &Path,
        certificates: &Path,
    ) -> Result<Self, String> {
        let binary = binaries.join(peer.binary);
        if !binary.exists() {
            return Err("was not built".into());
        }
        let mut process = Command::new(&binary)
            .arg(peer.variant)
            .arg(certificates)
            .arg(job.to_string())
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (to, from) = (process.stdin.take(), process.stdout.take());
        let (Some(to), Some(from)) = (to, from) else { return Err("has no pipes".into()) };
        let mut child = Self { process, to, from: BufReader::new(from) };
        match child.line()?.split_once(' ') {
            None => Ok(child),
            Some((_cannot, reason)) => Err(reason.to_owned()),
        }
    }

    pub(crate) fn samples(&mut self, count: usize) -> Result<Vec<Sample>, String> {
        writeln!(self.to, "{count}").map_err(|error| error.to_string())?;
        let value = |word: &str| match word {
            "-" => Ok(None),
            word => word.parse().map(Some).map_err(|_| format!("says {word:?}")),
        };
        let sample = |sample: &str| sample.split(' ').map(value).collect();
        self.line()?.split(';').map(sample).collect()
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.from.read_line(&mut line) {
            Ok(0) => Err("failed: see its message above".into()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Child {
    /// It ends when its input does, or is made to.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
