//! What a fleet is told before it begins.

use super::desk::Desk;
use super::generations::{self, Generations};
use super::handle::Fleet;
use super::notice::Notice;
use super::register::Register;
use super::store::Store;
use super::worker::{Told, Worker};
use crate::crypto::ticket::SealingKey;
use crate::limits;
use crate::said::debug_is_display;
use crate::session::SessionQueue;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Why a fleet cannot be as it is told.
///
/// ```
/// use handfast::fleet::{FleetError, FleetSettings};
/// let error = FleetSettings::new("redis://store.example", [0; 32]).unwrap_err();
/// assert!(matches!(error, FleetError::Secret));
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// The address cannot be used.
    #[error(
        "the store's address cannot be used: {0}; expected is redis://HOST, redis://USER:PASSWORD@HOST:PORT/DB or \
         unix:///PATH (TLS on the way to the store is another program's, such as stunnel)"
    )]
    Address(String),
    /// The secret's bytes are all zero.
    #[error("the fleet's secret is all zeros: was it ever filled?")]
    Secret,
    /// Names cannot begin so.
    #[error(
        "names in the store cannot begin with {prefix:?}, but with 1 to {most} of A-Z, a-z, 0-9, '-', '_', '.' and ':'",
        most = limits::FLEET_PREFIX
    )]
    Prefix {
        /// What they were to begin with.
        prefix: String,
    },
    /// A time cannot be so long, or so short.
    #[error("{what} of {given:?} cannot be, but of {least:?} to {most:?}")]
    Time {
        /// What was to last so long.
        what: &'static str,
        /// How long.
        given: Duration,
        /// What it may be at least.
        least: Duration,
        /// What it may be at most.
        most: Duration,
    },
    /// Too many generations of ticket keys would be held.
    #[error(
        "tickets that live for {lifetime:?} under keys that encrypt for {period:?} take {generations} generations of \
         keys, and at most {} are held: have each encrypt for longer",
        limits::FLEET_GENERATIONS
    )]
    Generations {
        /// For how long a key encrypts.
        period: Duration,
        /// For how long a ticket lives.
        lifetime: Duration,
        /// How many keys that takes.
        generations: u64,
    },
}

debug_is_display!(FleetError);

/// What a fleet is told: where its store is, and what its machines have in common. All of
/// them must be told the same.
///
/// ```no_run
/// use handfast::fleet::FleetSettings;
/// use std::time::Duration;
/// # fn given_to_every_machine() -> [u8; 32] { [7; 32] }
/// let hour = Duration::from_secs(3600);
/// let fleet = FleetSettings::new("redis://:password@store.example", given_to_every_machine())?
///     .prefix("shop")?
///     .timeout(Duration::from_millis(30))?
///     .ticket_keys(12 * hour, 24 * hour)?
///     .start(|notice| eprintln!("{notice}"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FleetSettings {
    store: Store,
    secret: Zeroizing<[u8; 32]>,
    prefix: String,
    skew: Duration,
    window: Duration,
    period: u64,
    lifetime: u64,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

impl FleetSettings {
    /// A store, and a secret of 32 random bytes that the machines share and nobody else
    /// has: who has it, and can read the store, has the ticket keys.
    ///
    /// # Errors
    /// The address cannot be read, or the secret is all zeros.
    pub fn new(store: &str, secret: [u8; 32]) -> Result<Self, FleetError> {
        let secret = Zeroizing::new(secret);
        if *secret == [0; 32] {
            return Err(FleetError::Secret);
        }
        Ok(Self {
            store: Store::new(store, limits::FLEET_TIMEOUT).map_err(FleetError::Address)?,
            secret,
            prefix: "handfast".to_owned(),
            skew: limits::FLEET_CLOCK_SKEW,
            window: Duration::from_secs(limits::EARLY_DATA_WINDOW),
            period: limits::TICKET_KEY_ROTATION.into(),
            lifetime: limits::TICKET_LIFETIME.into(),
            clock: Box::new(SystemTime::now),
        })
    }

    /// What the names of all that stands in the store begin with, `handfast` if nothing is
    /// said: several fleets may share a store.
    ///
    /// # Errors
    /// It is empty or longer than [`limits::FLEET_PREFIX`], or has other characters than
    /// the plain ones.
    pub fn prefix(mut self, prefix: &str) -> Result<Self, FleetError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if prefix.is_empty() || prefix.len() > limits::FLEET_PREFIX || !prefix.bytes().all(plain) {
            return Err(FleetError::Prefix { prefix: prefix.to_owned() });
        }
        prefix.clone_into(&mut self.prefix);
        Ok(self)
    }

    /// How long the store may take for an answer, in whole milliseconds;
    /// [`limits::FLEET_TIMEOUT`] if nothing is said. A handshake waits no longer than twice
    /// that: for an exchange that is under way, and its own.
    ///
    /// # Errors
    /// It is less than a millisecond, or more than [`limits::FLEET_TIMEOUT_MOST`].
    pub fn timeout(mut self, timeout: Duration) -> Result<Self, FleetError> {
        let bounds = Duration::from_millis(1)..=limits::FLEET_TIMEOUT_MOST;
        self.store.with_timeout(within("a timeout", timeout, bounds)?);
        Ok(self)
    }

    /// How far the clocks of two machines may be apart; [`limits::FLEET_CLOCK_SKEW`] if
    /// nothing is said. Each is held to half of it from the store's clock.
    ///
    /// # Errors
    /// It is less than half a second, or more than a minute.
    pub fn clock_skew(mut self, skew: Duration) -> Result<Self, FleetError> {
        let bounds = Duration::from_millis(500)..=Duration::from_secs(60);
        self.skew = within("a skew of clocks", skew, bounds)?;
        Ok(self)
    }

    /// The window of early data that the servers have; 10 s if nothing is said. For twice
    /// that, and the skew of the clocks, the register must have been there before it says
    /// that something is the first.
    ///
    /// # Errors
    /// It is less than a second, or more than an hour.
    pub fn early_data_window(mut self, window: Duration) -> Result<Self, FleetError> {
        let bounds = Duration::from_secs(1)..=Duration::from_secs(3600);
        self.window = within("a window of early data", window, bounds)?;
        Ok(self)
    }

    /// For how long a ticket key encrypts, and a ticket lives, both in whole seconds; half a
    /// day and a day if nothing is said.
    ///
    /// # Errors
    /// One is less than a second or more than seven days (RFC 9846 section 4.7.1), or
    /// both together take more than [`limits::FLEET_GENERATIONS`] keys.
    pub fn ticket_keys(mut self, period: Duration, lifetime: Duration) -> Result<Self, FleetError> {
        let bounds = || Duration::from_secs(1)..=Duration::from_secs(limits::TICKET_SECONDS.into());
        self.period = within("a period of ticket keys", period, bounds())?.as_secs();
        self.lifetime = within("a lifetime of tickets", lifetime, bounds())?.as_secs();
        let generations = generations::most(self.period, self.lifetime);
        if generations > limits::FLEET_GENERATIONS as u64 {
            return Err(FleetError::Generations { period, lifetime, generations });
        }
        Ok(self)
    }

    /// Another clock than the system's: that which the servers' configurations have.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Looks for the store, reads the ticket keys or makes them, and starts the fleet's own
    /// thread. A store that is away is no error: it is told, and looked for again.
    ///
    /// `tell` is given each [`Notice`], the first before this call is over, and the others
    /// on the fleet's thread: nobody is answered while it blocks, and a panic in it ends the
    /// fleet.
    ///
    /// # Errors
    /// The system makes no thread.
    pub fn start(self, tell: impl FnMut(Notice) + Send + 'static) -> io::Result<Fleet> {
        let secret = SealingKey::new(|key| key.copy_from_slice(&*self.secret));
        let longer = self.skew.saturating_add(limits::WHOLE_SECOND);
        let timeout = self.store.timeout();
        let mut worker = Worker {
            desk: Arc::new(Desk::default()),
            register: Register {
                birth: format!("{}:birth", self.prefix),
                life: self.window.saturating_mul(2).saturating_add(longer),
                longer,
                apart: self.skew / 2,
            },
            generations: Generations::new(secret, self.period, self.lifetime),
            queue: Arc::new(SessionQueue::new()),
            store: self.store,
            prefix: self.prefix,
            clock: self.clock,
            tell: Box::new(tell),
            untold: Vec::new(),
            told: Told::default(),
        };
        let fleet = Fleet::new(&worker.desk, worker.generations.keys(), &worker.queue, timeout);
        let line = worker.connect();
        thread::Builder::new().name("handfast-fleet".to_owned()).spawn(move || worker.run(line))?;
        Ok(fleet)
    }
}

fn within(
    what: &'static str,
    given: Duration,
    bounds: std::ops::RangeInclusive<Duration>,
) -> Result<Duration, FleetError> {
    let (least, most) = bounds.into_inner();
    match (least..=most).contains(&given) {
        true => Ok(given),
        false => Err(FleetError::Time { what, given, least, most }),
    }
}

impl fmt::Debug for FleetSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.store.address();
        f.debug_struct("FleetSettings")
            .field("store", &store)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
