//! One connection, from TCP to its end, heard as it goes.

use super::drive::{self, Drive};
use super::events::Recorder;
use super::failure::Failure;
use super::keylog::KeyLog;
use super::plan::Plan;
use super::telling::Telling;
use super::trusting::accept;
use crate::args::Explain;
use handfast::{ClientOptions, Connection, ConnectionInfo};
use std::cell::RefCell;
use std::sync::Arc;

/// What is the same for each connection.
pub(super) struct Once<'a> {
    pub(super) asked: &'a Explain,
    pub(super) plan: &'a Plan,
    pub(super) keylog: Option<Arc<KeyLog>>,
}

impl Once<'_> {
    /// Connects; `early` goes with the ClientHello, and `then` follows the handshake,
    /// before this side closes. What was negotiated is known as soon as there is a TCP
    /// connection.
    pub(super) fn connect(
        &self,
        telling: &mut Telling,
        early: Option<&[u8]>,
        then: impl FnOnce(&mut Drive<'_>) -> Result<(), Failure>,
    ) -> (Option<ConnectionInfo>, Result<(), Failure>) {
        let (asked, plan) = (self.asked, self.plan);
        let recorder = Arc::new(Recorder::new(asked.reveal_secrets, self.keylog.clone()));
        let tcp = drive::connect(&plan.address, &recorder, asked.timeout);
        telling.hear(&recorder);
        let mut options = ClientOptions::default();
        options.observer = Some(recorder.clone());
        let config = match early {
            Some(_) => Arc::new(plan.config.as_ref().clone().early_data()),
            None => Arc::clone(&plan.config),
        };
        let made = tcp.and_then(|tcp| {
            let connection = Connection::client_with(&config, plan.name.clone(), options)
                .map_err(|error| Failure::Tls { error, received: 0 })?;
            Ok(Drive::new(tcp, connection, &recorder, asked.timeout))
        });
        let mut drive = match made {
            Ok(drive) => drive,
            Err(failure) => return (None, Err(failure)),
        };
        let listeners = RefCell::new(&mut *telling);
        let mut ended = early.map_or(Ok(()), |data| drive.send_early(data)).and_then(|()| {
            drive.handshake(
                || listeners.borrow_mut().hear(&recorder),
                |report| accept(asked, report, || listeners.borrow().speak()),
            )
        });
        if ended.is_ok() {
            ended = then(&mut drive).and_then(|()| drive.close());
        }
        telling.tally.sent.bytes = drive.sent;
        telling.tally.received.bytes = drive.received;
        telling.tally.first_byte = drive.first_byte;
        telling.hear(&recorder);
        (Some(drive.connection.info().clone()), ended)
    }
}
