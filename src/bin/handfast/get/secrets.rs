//! Secrets on their way to the key log, and nowhere else.

use crate::explain::keylog::KeyLog;
use handfast::observe::{Observed, Observer};

/// Writes the secrets that a key log has labels for.
pub(crate) struct Secrets(pub(crate) KeyLog);

impl Observer for Secrets {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Secret { keylog: Some(label), client_random, secret, .. } = event {
            self.0.write(label, client_random, secret);
        }
    }
}
