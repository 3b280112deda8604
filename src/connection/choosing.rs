//! A server that gets its configuration when the ClientHello is there.

use super::Connection;
use super::flow::Flow;
use crate::config::Common;
use crate::observe::{Direction, Level, Observed, Observer};
#[cfg(doc)]
use crate::question::Question;
use std::sync::Arc;

impl Connection {
    /// A server whose configuration is chosen when the ClientHello is there: by its
    /// server name, so that clients of one host alone show certificates, or each host
    /// has application protocols of its own. It asks [`Question::Configuration`], and
    /// what comes before a whole ClientHello fails as on any server.
    ///
    /// The ClientHello is a claim: anybody can send any, and a configuration that is
    /// chosen by it must itself ask for the proof that it wants.
    ///
    /// ```
    /// use handfast::{Answer, Connection, Event, Question, ServerConfig};
    /// # use handfast::{ClientConfig, pki::{Roots, ServerName, UnixTime, Verifier}};
    /// # use std::sync::Arc;
    /// # let config = Arc::new(ServerConfig::asking_for_certificates(UnixTime::now));
    /// # let client = Arc::new(ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now));
    /// # let client = Connection::client(&client, ServerName::try_from("a.example")?)?;
    /// let mut connection = Connection::server_asking(None);
    /// let mut space = connection.space().ok_or("full")?;
    /// space[..client.pending().len()].copy_from_slice(client.pending());
    /// space.filled(client.pending().len());
    /// if let Event::Ask(Question::Configuration { hello, .. }) = connection.next()? {
    ///     assert_eq!(hello.extensions.server_name, Some(&b"a.example"[..]));
    ///     connection.answer(Answer::Configuration(config))?;
    /// }
    /// # assert!(matches!(connection.next()?, Event::Ask(Question::Certificate { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn server_asking(observer: Option<Arc<dyn Observer>>) -> Self {
        Self::new_server(Flow::Undecided, observer)
    }

    /// Takes a configuration late. Its observers hear the ClientHello, and all that follows.
    pub(super) fn choose(&mut self, common: &Common) {
        self.settle(common);
        let Some(observer) = common.observer(None) else { return };
        if let Some(asked) = self.asked.as_deref() {
            let bytes = self.receiving.reading.bytes(asked);
            let (direction, level) = (Direction::In, Level::Initial);
            observer.observe(&Observed::Message { direction, level, bytes });
        }
        let tap = self.sending.tap.beside(observer);
        (self.sending.tap, self.receiving.tap) = (tap.clone(), tap);
    }
}
