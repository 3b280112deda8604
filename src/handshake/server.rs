//! The server's beginning: ClientHello in, and the fork by version (RFC 9846
//! sections 4.2.1, 4.2.2 and 4.3.1).
//!
//! ```text
//!   START -- recv ClientHello of 1.3 ------> server13: NEGOTIATED, or a retry
//!   START -- recv ClientHello of 1.2 ------> server12: WAIT_CERTIFICATE
//!   START -- recv ClientHello with a cookie of this server -> the same, as a second one
//! ```

use super::context::{Awaits, Cx, Input, Received, Reply, unexpected};
use super::server12;
pub(crate) use super::server12::State as Tls12;
pub(crate) use super::server13::State as Tls13;
use super::server13::{self, WaitSecondHello};
use super::{early, negotiate};
use crate::config::ServerConfig;
use crate::early::EarlyReason;
use crate::error::Error;
use crate::question::Question;
use crate::wire::{Body, ClientHello, HandshakeType, ProtocolVersion};
use std::sync::Arc;

/// The state in which a server begins.
pub(crate) const START: Awaits = ("Start", &[HandshakeType::CLIENT_HELLO]);

pub(crate) enum State {
    Start(Start),
    Tls13(server13::State),
    Tls12(server12::State),
}

impl State {
    pub(crate) fn new(config: &Arc<ServerConfig>) -> Self {
        Self::Start(Start(Arc::clone(config)))
    }

    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        Ok(match (self, input) {
            (Self::Start(s), Input::Message(Body::ClientHello(m))) => s.client_hello(msg, &m, cx)?,
            (Self::Tls13(s), input) => Self::Tls13(s.step(input, msg, cx)?),
            (Self::Tls12(s), input) => Self::Tls12(s.step(input, msg, cx)?),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    pub(crate) fn awaits(&self) -> Awaits {
        match self {
            Self::Start(_) => START,
            Self::Tls13(s) => s.awaits(),
            Self::Tls12(s) => s.awaits(),
        }
    }

    /// Whether it is not decided yet what becomes of early data, if any is offered.
    pub(crate) const fn decides_on_early_data(&self) -> bool {
        match self {
            Self::Start(_) => true,
            Self::Tls13(s) => s.decides_on_early_data(),
            Self::Tls12(_) => false,
        }
    }

    /// Whether this server keeps no state over a HelloRetryRequest: it cannot
    /// know then whether a ClientHello that it awaits is the first or the
    /// second, which a ChangeCipherSpec may precede (RFC 9846 section 4.3.2).
    pub(crate) fn may_await_second_hello(&self) -> bool {
        matches!(self, Self::Start(Start(config)) if config.retry_cookie.is_some())
    }

    pub(crate) fn question<'a>(&'a self, msg: &Received<'a>) -> Option<Question<'a>> {
        match self {
            Self::Start(_) => None,
            Self::Tls13(s) => s.question(msg),
            Self::Tls12(s) => s.question(msg),
        }
    }

    pub(crate) const fn asks(&self) -> bool {
        match self {
            Self::Start(_) => false,
            Self::Tls13(s) => s.asks(),
            Self::Tls12(s) => s.asks(),
        }
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::Start(_) => None,
            Self::Tls13(s) => s.answer_in_memory(),
            Self::Tls12(s) => s.answer_in_memory(),
        }
    }
}

pub(crate) struct Start(Arc<ServerConfig>);

impl Start {
    fn client_hello(self, msg: &Received<'_>, m: &ClientHello<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self(config) = self;
        cx.tap.name_connection(m.random);
        cx.info.early_data = early::offered(m);
        Ok(match (negotiate::version(&config.common, m)?, m.extensions.cookie) {
            (ProtocolVersion::TLS12, _) => {
                early::reject(&config, EarlyReason::OtherVersion, cx.info);
                State::Tls12(server12::client_hello(config, msg, m, cx)?)
            }
            (_, None) => State::Tls13(server13::client_hello(config, msg, m, cx)?),
            (_, Some(cookie)) => {
                State::Tls13(WaitSecondHello::recall(config, cookie, m)?.client_hello(msg, m, cx)?)
            }
        })
    }
}
