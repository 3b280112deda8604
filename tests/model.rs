//! The adapters against a plain queue of bytes: over streams that refuse, take one
//! byte, hold back, break and time out, with KeyUpdates at any moment, nothing is
//! lost, doubled, reordered or stuck.
//!
//! Each script comes from a seed, which a failure names: `HANDFAST_MODEL_SEED=n`
//! runs that one alone.

#[path = "model/alone.rs"]
mod alone;
#[cfg(feature = "tokio")]
#[path = "model/tasks.rs"]
mod tasks;
#[path = "model/threads.rs"]
mod threads;
#[path = "model/wire.rs"]
mod wire;

use handfast::pki::{ServerName, UnixTime, Verifier};
use handfast::wire::{NamedGroup, ProtocolVersion};
use handfast::{ClientConfig, Connection, Identity, ServerConfig};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, LazyLock};
use wire::Rng;

const NAME: &str = "server.test";

/// What both sides of all scripts are made of.
static CONFIGS: LazyLock<([Arc<ClientConfig>; 2], Arc<ServerConfig>)> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let identity = Identity::from_pem(made.cert.pem().as_bytes(), key.as_bytes()).unwrap();
    let client = |version| {
        let config = ClientConfig::new(Verifier::exactly(made.cert.der().clone()), UnixTime::now);
        let config = config.groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
        Arc::new(config.versions(&[version]).unwrap())
    };
    let clients = [client(ProtocolVersion::TLS13), client(ProtocolVersion::TLS12)];
    (clients, Arc::new(ServerConfig::new(identity, UnixTime::now)))
});

/// A client and a server that have not spoken yet.
fn connections(tls13: bool) -> [Connection; 2] {
    let (clients, server) = &*CONFIGS;
    let name = ServerName::try_from(NAME).unwrap();
    [Connection::client(&clients[usize::from(!tls13)], name).unwrap(), Connection::server(server)]
}

/// Bytes that are different enough to see loss, doubling and disorder.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    std::iter::repeat_with(|| rng.next() as u8).take(length).collect()
}

/// One direction of application data: the model.
struct Flow {
    data: Vec<u8>,
    /// Bytes that a write has said to have taken.
    sent: usize,
    /// Bytes that were read.
    got: usize,
}

impl Flow {
    fn new(rng: &mut Rng, most: usize) -> Self {
        let length = rng.below(most);
        Self { data: noise(rng.next(), length), sent: 0, got: 0 }
    }

    /// The next bytes to write.
    fn chunk(&self, rng: &mut Rng) -> Vec<u8> {
        let rest = &self.data[self.sent..];
        rest[..rest.len().min(1 + rng.sometimes_long(20_000))].to_vec()
    }

    fn took(&mut self, n: usize, of: usize) {
        assert!(n <= of && (n > 0 || of == 0), "a write took {n} of {of} bytes");
        self.sent += n;
    }

    fn read(&mut self, bytes: &[u8]) {
        let expected = self.data[..self.sent].get(self.got..self.got + bytes.len());
        assert!(expected == Some(bytes), "at {}: lost, doubled or reordered", self.got);
        self.got += bytes.len();
    }

    fn is_all_sent(&self) -> bool {
        self.sent == self.data.len()
    }
}

/// Runs the script of each seed; a failure names its seed.
fn scripts(count: u64, script: impl Fn(u64)) {
    let one = std::env::var("HANDFAST_MODEL_SEED").ok().map(|seed| seed.parse().unwrap());
    for seed in one.map_or(1..count + 1, |seed| seed..seed + 1) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| script(seed))) {
            eprintln!("HANDFAST_MODEL_SEED={seed}");
            resume_unwind(panic);
        }
    }
}
