//! An observer for tests, which writes down the secrets that it is told.

use crate::observe::{Observed, Observer, Tap};
use std::sync::{Arc, Mutex};

/// name, key log label, secret
type Row = (&'static str, Option<&'static str>, Vec<u8>);

pub(crate) struct Heard(Mutex<Vec<Row>>, [u8; 32]);

impl Heard {
    /// A tap and what it will have told.
    pub(crate) fn tap(client_random: [u8; 32]) -> (Tap, Arc<Self>) {
        let heard = Arc::new(Self(Mutex::default(), client_random));
        let tap = Tap::new(Some(heard.clone()));
        tap.name_connection(&client_random);
        (tap, heard)
    }

    /// The secret that was told last, and what was said of it.
    pub(crate) fn last(&self) -> Row {
        self.0.lock().unwrap().last().unwrap().clone()
    }

    /// The secret of this name.
    pub(crate) fn secret(&self, name: &str) -> Vec<u8> {
        self.0.lock().unwrap().iter().rfind(|row| row.0 == name).unwrap().2.clone()
    }
}

impl Observer for Heard {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Secret { name, keylog, from, client_random, secret } = event {
            assert_eq!(**client_random, self.1);
            assert!(!from.is_empty());
            self.0.lock().unwrap().push((*name, *keylog, secret.to_vec()));
        }
    }
}
