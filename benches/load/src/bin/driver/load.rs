//! A turn: a server under load for a moment, and what the generators say of it.

use crate::plan::Load;
use crate::server::{FOR_LOAD, Server, pinned};
use handfast_load::Failure;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// What is measured. Of the first alone more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Requests or connections a second.
    Rate,
    /// Microseconds of the server's processor for each of them.
    Processor,
    /// Of an answer, in microseconds.
    Median,
    Percentile99,
    /// The most memory that the server had until then, in MiB.
    Peak,
    /// The memory of a connection, in bytes.
    Idle,
}

impl Measure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rate => "a second",
            Self::Processor => "us of the server's processor",
            Self::Median => "p50, us",
            Self::Percentile99 => "p99, us",
            Self::Peak => "peak RSS, MiB",
            Self::Idle => "RSS, bytes a connection",
        }
    }
}

pub(crate) type Sample = Vec<(Measure, f64)>;

/// wrk calls it when it is done.
const REPORT: &str = r#"
done = function(summary, latency)
  local e = summary.errors
  print(string.format("REPORT %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

pub(crate) struct Turn<'a> {
    pub(crate) server: &'a Server,
    pub(crate) seconds: u32,
    pub(crate) idle: usize,
    pub(crate) binaries: &'a Path,
    /// Where the script of wrk may be written.
    pub(crate) folder: &'a Path,
}

impl Turn<'_> {
    pub(crate) fn take(&self, load: Load) -> Result<Sample, Failure> {
        if let Load::Idle { bytes, application } = load {
            return self.idle(bytes, application);
        }
        let before = self.server.processor_time()?;
        let (mut sample, count) = match load {
            Load::Http1 { path, connections } => self.wrk(path, connections)?,
            Load::Http2 { path, connections, streams } => self.h2load(path, connections, streams)?,
            Load::Connections { resumed } => self.connections(resumed)?,
            Load::Idle { .. } => return Err("is no load".into()),
        };
        let used = self.server.processor_time()? - before;
        sample.insert(1, (Measure::Processor, used.as_secs_f64() * 1e6 / count));
        sample.push((Measure::Peak, self.server.peak()? / f64::from(1 << 20)));
        Ok(sample)
    }

    fn wrk(&self, path: &str, connections: u16) -> Result<(Sample, f64), Failure> {
        let script = self.folder.join("report.lua");
        std::fs::write(&script, REPORT)?;
        let text = output(
            pinned(Path::new("wrk"), FOR_LOAD)
                .args(["--threads", "1", "--latency", "--connections"])
                .arg(connections.to_string())
                .arg("--duration")
                .arg(format!("{}s", self.seconds))
                .arg("--script")
                .arg(script)
                .arg(format!("https://localhost:{}{path}", self.server.port)),
        )?;
        let report = text.lines().find_map(|line| line.strip_prefix("REPORT ")).ok_or("wrk says nothing")?;
        let values = report.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let [requests, microseconds, median, percentile, errors] = values[..] else {
            return Err(format!("wrk says {report:?}").into());
        };
        if errors > 0.0 {
            return Err(format!("{errors} requests failed").into());
        }
        let rate = requests * 1e6 / microseconds;
        let sample =
            vec![(Measure::Rate, rate), (Measure::Median, median), (Measure::Percentile99, percentile)];
        Ok((sample, requests))
    }

    fn h2load(&self, path: &str, connections: u16, streams: u16) -> Result<(Sample, f64), Failure> {
        let text = output(
            pinned(Path::new("h2load"), FOR_LOAD)
                .args(["--threads=1".into(), format!("--clients={connections}")])
                .args([format!("--max-concurrent-streams={streams}"), format!("--duration={}", self.seconds)])
                .arg(format!("https://127.0.0.1:{}{path}", self.server.port)),
        )?;
        // "finished in 1.00s, 32520.00 req/s, ..."; "requests: 32520 total, ..., 0 failed, ..."
        let field = |line: &str, unit: &str| {
            let line = text.lines().find(|each| each.starts_with(line))?;
            let word = line.split([',', ':']).find_map(|part| part.trim().strip_suffix(unit))?;
            word.trim().parse::<f64>().ok()
        };
        let failed = field("requests:", "failed").ok_or("h2load says nothing")?;
        let done = field("requests:", "done").ok_or("h2load says nothing")?;
        let rate = field("finished in", "req/s").ok_or("h2load says nothing")?;
        if failed > 0.0 || done == 0.0 || !text.contains("Application protocol: h2") {
            return Err(format!("h2load failed:\n{text}").into());
        }
        Ok((vec![(Measure::Rate, rate)], done))
    }

    fn connections(&self, resumed: bool) -> Result<(Sample, f64), Failure> {
        let text = output(
            pinned(&self.binaries.join("client"), FOR_LOAD)
                .args(["connect", if resumed { "resumed" } else { "full" }])
                .args([self.seconds.to_string(), self.server.port.to_string()]),
        )?;
        let (count, seconds) = text.trim().split_once(' ').ok_or("the client says nothing")?;
        let (count, seconds): (f64, f64) = (count.parse()?, seconds.parse()?);
        Ok((vec![(Measure::Rate, count / seconds)], count))
    }

    fn idle(&self, bytes: usize, application: &str) -> Result<Sample, Failure> {
        let client = |count: usize| {
            let mut client = pinned(&self.binaries.join("client"), FOR_LOAD);
            client.args(["idle", &count.to_string(), &bytes.to_string(), application]);
            client.arg(self.server.port.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
            client.spawn()
        };
        // What is used once is not a connection's.
        let mut first = client(1)?;
        wait_until_ready(&mut first)?;
        drop(first.stdin.take());
        first.wait()?;
        let before = self.server.resident()?;
        let mut client = client(self.idle)?;
        let ready = wait_until_ready(&mut client);
        let after = self.server.resident();
        drop(client.stdin.take());
        client.wait()?;
        ready?;
        Ok(vec![(Measure::Idle, (after? - before) / self.idle as f64)])
    }
}

fn wait_until_ready(client: &mut std::process::Child) -> Result<(), Failure> {
    let mut line = String::new();
    BufReader::new(client.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    if line != "ready\n" { Err("the client failed".into()) } else { Ok(()) }
}

fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
