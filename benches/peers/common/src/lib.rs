//! What the children of the bench share: a job, what a library must be able to do
//! for it, and the loop that answers the driver. Every library is driven by the same
//! code, so that the same calls are within everybody's clock.

mod cpu;
pub mod heap;
mod job;
mod measure;
mod pipe;

pub use cpu::thread_time;
pub use job::{Chain, Group, Job, Key, Kind, NAME, Session};
pub use measure::measure;
pub use pipe::Pipe;

use std::io::{BufRead, Write};

/// One end of a connection, with nothing but memory between it and the other.
pub trait End {
    /// Takes all of `input`, and puts what there is to say behind `output`.
    fn step(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>);

    fn is_handshaking(&self) -> bool;

    fn is_resumed(&self) -> bool;

    /// Sends all of `data`.
    fn send(&mut self, data: &[u8], wire: &mut Vec<u8>);

    /// Takes all of `wire`, and counts the bytes of application data in it. A library
    /// that does not lend them copies them into `room`, again and again.
    fn receive(&mut self, wire: &mut Vec<u8>, room: &mut [u8]) -> usize;

    /// Frees what belongs to the transport, and not to the library.
    fn release_transport(&mut self) {}

    /// Gives back what can be spared until the next byte; whether there is such a thing.
    fn rest(&mut self) -> bool {
        false
    }
}

/// A library, made ready for a job.
pub trait Peer: Sized {
    type Client: End;
    type Server: End;

    /// Whether there is an adapter that holds more, or less, than its connection.
    const HAS_ADAPTER: bool = false;

    /// Fails, with the reason, if the library cannot do this job.
    fn new(job: &Job, chain: &Chain) -> Result<Self, String>;

    fn client(&mut self) -> Self::Client;

    /// `tickets`: whether it sends new ones.
    fn server(&mut self, tickets: bool) -> Self::Server;

    /// Whether the next client has a session to resume.
    fn has_session(&self) -> bool {
        true
    }
}

/// One sample: nanoseconds, or bytes or calls, in the order of [`Kind::columns`].
pub type Sample = Vec<Option<u64>>;

/// A job that is under way: each call is a sample.
pub type Turn = Box<dyn FnMut() -> Sample>;

/// The whole of a child: `child VARIANT FOLDER JOB...`, then on standard input a
/// number of samples a line, and on standard output a line with that many.
pub fn serve(start: impl FnOnce(&str, &Job, &Chain) -> Result<Turn, String>) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [variant, folder, job @ ..] = arguments.as_slice() else { panic!("a variant, a folder, a job") };
    let job: Job = job.join(" ").parse().expect("a job");
    let mut out = std::io::stdout().lock();
    let turn = Chain::read(folder.as_ref(), job.key).and_then(|chain| start(variant, &job, &chain));
    let mut turn = match turn {
        Ok(turn) => turn,
        Err(reason) => return writeln!(out, "cannot {reason}").unwrap(),
    };
    writeln!(out, "ready").unwrap();
    out.flush().unwrap();
    for line in std::io::stdin().lock().lines() {
        let samples: usize = line.unwrap().trim().parse().expect("a number of samples");
        let samples: Vec<String> = (0..samples).map(|_| text(&turn())).collect();
        writeln!(out, "{}", samples.join(";")).unwrap();
        out.flush().unwrap();
    }
}

fn text(sample: &Sample) -> String {
    let column = |value: &Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    sample.iter().map(column).collect::<Vec<_>>().join(" ")
}
