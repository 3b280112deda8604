//! Who judges the peer's chain.

use crate::crypto::kdf::sha256;
use crate::pki::{Accepted, CertificateDer, Purpose, Refused, Roots, ServerName, UnixTime, Verifier};

/// Who judges the peer's chain.
///
/// Whoever resumes a session shows no certificate, and nobody is asked: the
/// session itself is the admission. So only a judge resumes it who is known to
/// be the one that let the peer in; or one who
/// [judges again](crate::ClientConfig::verify_on_resumption).
///
/// ```
/// use handfast::{ClientConfig, ClientSessions, Judge, pki::{Roots, UnixTime, Verifier}};
/// let policy = ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now); // a Verifier is one
/// let named = Judge::application_named("example.com/payments, partners of 2026-11-21");
/// assert!(matches!(named, Judge::ApplicationNamed(_)));
/// let config = ClientConfig::new(named, UnixTime::now).sessions(ClientSessions::new());
/// ```
#[derive(Clone, Debug)]
pub enum Judge {
    /// A policy of this crate, in memory.
    Policy(Verifier),
    /// The application, through [`Question::Verify`](crate::Question::Verify). It is asked each
    /// time: no session is kept or resumed, but where it is asked
    /// [again](crate::ClientConfig::verify_on_resumption).
    Application,
    /// The application as well, by a policy that has a name; see
    /// [`application_named`](Self::application_named).
    ApplicationNamed(Box<str>),
}

impl Judge {
    /// The application, through [`Question::Verify`](crate::Question::Verify), by a policy that
    /// has this name. Configurations that give the same name resume each other's
    /// sessions: whom the application accepted it is not asked about again for up
    /// to seven days. So a name is of one application, and it changes when the
    /// policy does or when somebody is no longer to be let in. The empty name
    /// is none.
    pub fn application_named(name: impl Into<Box<str>>) -> Self {
        Self::ApplicationNamed(name.into())
    }

    /// The same with other roots, where it judges by roots.
    pub(crate) fn with_roots(&self, roots: &Roots) -> Option<Self> {
        match self {
            Self::Policy(verifier) if verifier.roots().is_some() => {
                Some(Self::Policy(verifier.with_roots(roots.clone())))
            }
            _ => None,
        }
    }

    /// What is said of a chain, by whom this crate can ask; `None` where the application
    /// is to say.
    pub(crate) fn verdict(
        &self,
        chain: &[CertificateDer<'static>],
        ocsp: &[u8],
        name: Option<&ServerName<'static>>,
        purpose: Purpose,
        now: UnixTime,
    ) -> Option<Result<Accepted, Refused>> {
        let Self::Policy(verifier) = self else { return None };
        Some(match purpose {
            Purpose::Server => verifier.verify_stapled(chain, ocsp, name, purpose, now),
            // A server asks no client for a staple (RFC 9846 section 4.5.1.1).
            Purpose::Client => verifier.verify(chain, name, purpose, now),
        })
    }

    /// Tells judges apart, as far as this crate can; `None` where it cannot, and where
    /// nobody is asked `again`.
    pub(super) fn fingerprint(&self, again: bool) -> Option<[u8; 32]> {
        match self {
            Self::Policy(verifier) => Some(verifier.fingerprint()),
            Self::ApplicationNamed(name) if !name.is_empty() => {
                // A verifier's begins with the number of its kind.
                Some(sha256(&[b"application policy ", name.as_bytes()].concat()))
            }
            Self::Application | Self::ApplicationNamed(_) => {
                again.then(|| sha256(b"the application, asked each time"))
            }
        }
    }
}

impl From<Verifier> for Judge {
    fn from(verifier: Verifier) -> Self {
        Self::Policy(verifier)
    }
}
