//! A value that is replaced while others use it.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// A configuration, or whatever else, that is replaced in a running process:
/// a renewed certificate, other roots. Connections that began with one go on
/// with it; those that begin after a [`replace`](Self::replace) take the new one.
/// A clone is another handle on the same value.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// # let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
/// use handfast::{Connection, Identity, Live, ServerConfig, TicketKeys, pki::UnixTime};
/// let config = ServerConfig::new(Identity::from_pem(chain.as_bytes(), key.as_bytes())?, UnixTime::now);
/// let live = Live::new(config.tickets(TicketKeys::random()));
/// let before = Connection::server(&live.current());
/// // Later, in whichever thread:
/// let renewed = Identity::from_pem(chain.as_bytes(), key.as_bytes())?;
/// live.replace(live.current().with_identities([renewed]));
/// let after = Connection::server(&live.current());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Live<T>(Arc<RwLock<Arc<T>>>);

impl<T> Live<T> {
    /// With a first value.
    pub fn new(value: impl Into<Arc<T>>) -> Self {
        Self(Arc::new(RwLock::new(value.into())))
    }

    /// The value that is in force.
    pub fn current(&self) -> Arc<T> {
        // Whoever panicked held a pointer: there is nothing half done to be seen.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another value in force, and gives the one before back.
    pub fn replace(&self, value: impl Into<Arc<T>>) -> Arc<T> {
        let value = value.into();
        std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), value)
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> From<T> for Live<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> From<Arc<T>> for Live<T> {
    fn from(value: Arc<T>) -> Self {
        Self::new(value)
    }
}

impl<T> From<&Arc<T>> for Live<T> {
    fn from(value: &Arc<T>) -> Self {
        Self::new(Arc::clone(value))
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.current()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_handles_see_what_is_put_in_force_and_users_keep_what_they_took() {
        let live = Live::from(1);
        let (other, taken) = (live.clone(), live.current());
        assert_eq!(*other.replace(2), 1);
        assert_eq!((*live.current(), *taken), (2, 1));
    }
}
