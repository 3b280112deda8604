//! A server in a process of its own, on a processor of its own.

use crate::plan;
use handfast_load::Failure;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(
        server: &plan::Server,
        application: &str,
        binaries: &Path,
        certificates: &Path,
    ) -> Result<Self, Failure> {
        let mut process = pinned(&binaries.join(server.binary), FOR_SERVERS)
            .arg(server.source)
            .arg(certificates)
            .arg(application)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let port = line.trim().parse().map_err(|_| format!("{} did not start", server.name))?;
        Ok(Self { process, port })
    }

    /// How long its threads have had a processor for.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanoseconds += text.split(' ').next().ok_or("an empty schedstat")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// What it has of the memory, in bytes.
    pub(crate) fn resident(&self) -> Result<f64, Failure> {
        self.kilobytes("smaps_rollup", "Rss:")
    }

    /// The most that it had.
    pub(crate) fn peak(&self) -> Result<f64, Failure> {
        self.kilobytes("status", "VmHWM:")
    }

    fn kilobytes(&self, file: &str, field: &str) -> Result<f64, Failure> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.process.id()))?;
        let rest = text.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
        Ok(rest.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const FOR_SERVERS: u32 = 0;
/// The generators of load, and this program, which sleeps meanwhile.
pub(crate) const FOR_LOAD: u32 = 1;

pub(crate) fn pinned(program: &Path, processor: u32) -> Command {
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(processor.to_string()).arg(program);
    command
}
