//! What is measured, as one line of text, and the certificates that it needs.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Whom the certificates are for.
pub const NAME: &str = "server.example";

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),* }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),* })
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("no {}: {word}", stringify!($name))),
                }
            }
        }
    };
}

words! {
    Kind { Handshake = "handshake", Bulk = "bulk", Messages = "messages", Memory = "memory" }
}

words! {
    /// The kind of key of the root and of the leaf.
    Key { P256 = "p256", P384 = "p384", Ed25519 = "ed25519", Rsa = "rsa" }
}

words! {
    Group { X25519 = "x25519", X25519MlKem768 = "x25519mlkem768" }
}

words! {
    /// Whether a session is resumed, and whether the server sends a new ticket then.
    Session { Full = "full", Resumed = "resumed", Renewed = "renewed" }
}

impl Kind {
    /// What a sample of such a job says.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Handshake => &["client", "server"],
            Self::Bulk => &["send", "receive"],
            Self::Messages => &["message"],
            Self::Memory => {
                &["after handshake", "after traffic", "at rest", "client allocations", "server allocations"]
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub kind: Kind,
    /// 12 or 13.
    pub version: u8,
    pub suite: u16,
    pub key: Key,
    pub group: Group,
    pub session: Session,
    /// Whether a client remembers which signatures it has verified, if it knows how to.
    pub remembers: bool,
    /// The stream adapter of the library, and not its connection, stands at the server.
    pub adapter: bool,
}

impl Job {
    pub fn new(kind: Kind, version: u8, suite: u16, key: Key) -> Self {
        let (group, session) = (Group::X25519, Session::Full);
        Self { kind, version, suite, key, group, session, remembers: false, adapter: false }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, version, suite, key, group, session, remembers, adapter } = self;
        write!(f, "{kind} {version} {suite} {key} {group} {session} {remembers} {adapter}")
    }
}

impl FromStr for Job {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        fn word<T: FromStr>(words: &mut std::str::SplitWhitespace<'_>) -> Result<T, String> {
            words.next().and_then(|word| word.parse().ok()).ok_or_else(|| "a job has eight words".to_owned())
        }
        let words = &mut line.split_whitespace();
        Ok(Self {
            kind: word(words)?,
            version: word(words)?,
            suite: word(words)?,
            key: word(words)?,
            group: word(words)?,
            session: word(words)?,
            remembers: word(words)?,
            adapter: word(words)?,
        })
    }
}

/// A root, the chain that a server sends, and its key, in PEM.
pub struct Chain {
    pub root: Vec<u8>,
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

impl Chain {
    pub fn read(folder: &Path, key: Key) -> Result<Self, String> {
        let file = |part: &str| {
            let path = folder.join(format!("{key}.{part}.pem"));
            std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Self { root: file("root")?, chain: file("chain")?, key: file("key")? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Job, Key, Kind, Session};

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let mut job = Job::new(Kind::Memory, 12, 0xc02b, Key::Ed25519);
        assert_eq!(job.to_string().parse(), Ok(job.clone()));
        (job.group, job.session) = (Group::X25519MlKem768, Session::Renewed);
        job.remembers = true;
        assert_eq!(job.to_string().parse(), Ok(job));
        assert!("handshake 13".parse::<Job>().is_err());
    }
}
