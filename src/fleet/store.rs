//! The only file that names the crate `redis`: a connection, and what goes over it.
//!
//! All handshakes share one connection: what is asked while an exchange is under way goes
//! together in the next one. An exchange is over in its time, or the connection is: on one
//! whose answer is late the next answer would be that one.

use redis::{Cmd, Connection, ErrorKind, IntoConnectionInfo, RedisError, ServerErrorKind, Value};
use std::time::{Duration, Instant};

/// Where the store is, and how long it may take.
pub(super) struct Store {
    client: redis::Client,
    timeout: Duration,
}

/// A connection to it.
pub(super) struct Link {
    connection: Connection,
    timeout: Duration,
}

/// What the store is told. Names and values are as they are sent.
pub(super) enum Order<'a> {
    /// The value under a name, at most so many bytes of it; empty where there is none.
    Get(&'a str, usize),
    /// A value, for so long, in place of whatever is there.
    Set(&'a str, &'a [u8], Duration),
    /// The same where nothing is there.
    SetNew(&'a str, &'a [u8], Duration),
    Delete(&'a str),
    Load(&'static str),
    Script {
        hash: &'a str,
        keys: &'a [String],
        arguments: &'a [String],
    },
}

/// What it says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Bytes(Vec<u8>),
    List(Vec<String>),
    /// Done, not done, or how many.
    Else,
    /// It refuses, for this reason.
    No(String),
}

/// The connection is of no more use, for this reason.
#[derive(Debug)]
pub(super) struct Lost(pub(super) String);

impl Store {
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, String> {
        let info = url.into_connection_info().map_err(|error| error.to_string())?;
        // It names this program, which no command needs and some proxies refuse.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = redis::Client::open(info.set_redis_settings(settings));
        Ok(Self { client: client.map_err(|error| error.to_string())?, timeout })
    }

    pub(super) fn with_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Its address, without the password.
    pub(super) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    pub(super) fn connect(&self) -> Result<Link, Lost> {
        let connection = self.client.get_connection_with_timeout(self.timeout).map_err(lost)?;
        connection.set_write_timeout(Some(self.timeout)).map_err(lost)?;
        Ok(Link { connection, timeout: self.timeout })
    }
}

impl Link {
    /// Tells it these together. What it says to each, if it said something to all of
    /// them in time.
    pub(super) fn exchange(&mut self, orders: &[Order<'_>]) -> Result<Vec<Said>, Lost> {
        let end = Instant::now() + self.timeout;
        let packed: Vec<u8> = orders.iter().flat_map(|order| order.command().get_packed_command()).collect();
        self.connection.send_packed_command(&packed).map_err(lost)?;
        orders.iter().map(|_| self.said(end)).collect()
    }

    fn said(&mut self, end: Instant) -> Result<Said, Lost> {
        // A wait of no time at all would be one without end.
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.connection.set_read_timeout(Some(left)).map_err(lost)?;
        let said = match self.connection.recv_response() {
            Ok(Value::ServerError(error)) => Err(RedisError::from(error)),
            said => said,
        };
        match said {
            Ok(Value::BulkString(bytes)) => Ok(Said::Bytes(bytes)),
            Ok(Value::Array(values)) => Ok(Said::List(values.into_iter().map(text).collect())),
            Ok(_) => Ok(Said::Else),
            Err(error) if refuses(&error) => Ok(Said::No(error.to_string())),
            Err(error) => Err(lost(error)),
        }
    }
}

impl Order<'_> {
    fn command(&self) -> Cmd {
        let milliseconds = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut command = Cmd::new();
        match self {
            Self::Get(name, most) => command.arg("GETRANGE").arg(name).arg(0).arg(most.saturating_sub(1)),
            Self::Set(name, value, lives) => {
                command.arg("SET").arg(name).arg(value).arg("PX").arg(milliseconds(lives))
            }
            Self::Delete(name) => command.arg("DEL").arg(name),
            Self::SetNew(name, value, lives) => {
                command.arg("SET").arg(name).arg(value).arg("NX").arg("PX").arg(milliseconds(lives))
            }
            Self::Load(script) => command.arg("SCRIPT").arg("LOAD").arg(script),
            Self::Script { hash, keys, arguments } => {
                command.arg("EVALSHA").arg(hash).arg(keys.len()).arg(keys).arg(arguments)
            }
        };
        command
    }
}

/// Whether the store said no to one order, and goes on with the next. One that has become
/// a replica, is loading, or has lost its scripts is to be looked at anew.
fn refuses(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, NoScript, ReadOnly};
    match error.kind() {
        ErrorKind::Server(kind) => !matches!(kind, BusyLoading | MasterDown | NoScript | ReadOnly),
        ErrorKind::Extension => true,
        _ => false,
    }
}

fn lost(error: RedisError) -> Lost {
    Lost(if error.is_timeout() { "it does not answer in time".to_owned() } else { error.to_string() })
}

fn text(value: Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::SimpleString(text) => text,
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    }
}
