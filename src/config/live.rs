//! A value that is replaced while others use it.

use arc_swap::ArcSwap;
use std::fmt;
use std::sync::Arc;

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
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Live<T> {
    /// With a first value.
    pub fn new(value: impl Into<Arc<T>>) -> Self {
        Self(Arc::new(ArcSwap::new(value.into())))
    }

    /// The value that is in force. Nobody waits here for whoever replaces it.
    pub fn current(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Puts another value in force, and gives the one before back.
    pub fn replace(&self, value: impl Into<Arc<T>>) -> Arc<T> {
        self.0.swap(value.into())
    }

    /// Makes another value of the one that is in force, and puts it there. Where
    /// somebody else replaces it meanwhile, it is made again of theirs: nobody's
    /// change is lost.
    ///
    /// ```
    /// use handfast::Live;
    /// let count = Live::<u32>::new(1);
    /// count.update(|before| before + 1);
    /// assert_eq!(*count.current(), 2);
    /// ```
    pub fn update(&self, mut make: impl FnMut(&T) -> T) {
        self.0.rcu(|before| make(before));
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

impl<T> From<&Live<T>> for Live<T> {
    fn from(live: &Live<T>) -> Self {
        live.clone()
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

    #[test]
    fn no_change_is_lost_that_is_made_meanwhile() {
        let live = Live::<Vec<&str>>::new(vec!["a"]);
        let mut first = true;
        live.update(|before| {
            if std::mem::take(&mut first) {
                live.replace([before.as_slice(), &["b"]].concat());
            }
            [before.as_slice(), &["c"]].concat()
        });
        assert_eq!(*live.current(), ["a", "b", "c"]);
    }
}
