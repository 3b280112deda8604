//! The client's beginning: ClientHello out, ServerHello in, and the fork by
//! version (RFC 9846 sections 4.2.2 to 4.2.4).
//!
//! ```text
//!   START ---- send ClientHello [K_send = early] ------> WAIT_SH, where early data can go
//!   WAIT_SH -- recv HelloRetryRequest [K_send = initial], send ClientHello -> WAIT_SH, once
//!   WAIT_SH -- recv ServerHello of 1.3 ----------------> client13: WAIT_EE
//!   WAIT_SH -- recv ServerHello of 1.2 ----------------> client12: WAIT_CERT, or resumed12
//! ```

pub(crate) use super::client12::State as Tls12;
pub(crate) use super::client13::State as Tls13;
use super::context::{Awaits, Cx, Input, Received, Reply, unexpected};
use super::{auth, client12, client13};
use crate::config::{Again, ClientConfig, ClientOptions, Common};
use crate::crypto::Failed;
use crate::crypto::suite::{Suite, Version};
use crate::early::{EarlyData, EarlyReason};
use crate::error::Error;
use crate::fault::Fault;
use crate::observe::Level;
use crate::offer::{Early, Offer, Offered};
use crate::pki::ServerName;
use crate::question::Question;
use crate::wire::{
    Body, CipherSuite, DOWNGRADE_TLS11, DOWNGRADE_TLS12, HandshakeType, HelloRetryRequest, ProtocolVersion,
    ServerHello,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitSh(WaitSh),
    Tls13(client13::State),
    Tls12(client12::State),
}

impl State {
    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        use Body::{HelloRetryRequest, ServerHello};
        use Input::Message;
        Ok(match (self, input) {
            (Self::WaitSh(s), Message(HelloRetryRequest(m))) => {
                Self::WaitSh(s.hello_retry_request(msg, &m, cx)?)
            }
            (Self::WaitSh(s), Message(ServerHello(m))) => s.server_hello(msg, &m, cx)?,
            (Self::Tls13(s), input) => Self::Tls13(s.step(input, msg, cx)?),
            (Self::Tls12(s), input) => Self::Tls12(s.step(input, msg, cx)?),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    #[rustfmt::skip] // a table
    pub(crate) fn awaits(&self) -> Awaits {
        use HandshakeType as T;
        match self {
            Self::WaitSh(_) => ("WaitSh", &[T::SERVER_HELLO]),
            Self::Tls13(s)  => s.awaits(),
            Self::Tls12(s)  => s.awaits(),
        }
    }

    /// Whether a HelloRequest is passed over here: where TLS 1.2 is spoken, or may
    /// still come to be (RFC 5246 section 7.4.1.1).
    pub(crate) fn ignores_hello_requests(&self) -> bool {
        match self {
            Self::WaitSh(WaitSh(b)) => b.offer.config.common.tls12(),
            Self::Tls13(_) => false,
            Self::Tls12(_) => true,
        }
    }

    /// The octets of early data that may go here in all, those that went among them.
    pub(crate) fn early_data(&self) -> Option<&Early> {
        match self {
            Self::WaitSh(WaitSh(b)) => b.offer.early.as_deref(),
            Self::Tls13(s) => s.early_data(),
            Self::Tls12(_) => None,
        }
    }

    pub(crate) fn question(&self) -> Option<Question<'_>> {
        match self {
            Self::WaitSh(_) => None,
            Self::Tls13(s) => s.question(),
            Self::Tls12(s) => s.question(),
        }
    }

    pub(crate) const fn asks(&self) -> bool {
        match self {
            Self::WaitSh(_) => false,
            Self::Tls13(s) => s.asks(),
            Self::Tls12(s) => s.asks(),
        }
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitSh(_) => None,
            Self::Tls13(s) => s.answer_in_memory(),
            Self::Tls12(s) => s.answer_in_memory(),
        }
    }
}

/// START: sends the ClientHello.
pub(crate) fn start(
    config: &Arc<ClientConfig>,
    name: ServerName<'_>,
    options: &ClientOptions,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    let mut b = Box::new(Offered::new(Offer::new(config, name, options, cx.entropy, cx.tap)?));
    cx.tap.name_connection(&b.offer.random);
    cx.info.server_name = b.offer.sent_name().map(Into::into);
    judge_again(&mut b.offer, cx);
    cx.writing.first_hello();
    send_hello(&mut b, cx)?;
    begin_early_data(&mut b, cx)?;
    Ok(State::WaitSh(WaitSh(b)))
}

/// The session of a server that its policy would not accept today is not offered.
fn judge_again(offer: &mut Offer, cx: &mut Cx<'_>) {
    let Some(session) = offer.session() else { return };
    match auth::again(&offer.config.common, Some(offer.config.judge()), &session.peer, Some(&offer.name), cx)
    {
        Again::Stands(standing) => offer.standing = Some(standing),
        Again::Asks => {}
        Again::Refused(_) => offer.forget_session(),
    }
}

/// Where early data is offered, it may go from here on; the ChangeCipherSpec for
/// middleboxes goes before it (RFC 9846 appendix E.4).
fn begin_early_data(b: &mut Offered, cx: &mut Cx<'_>) -> Result<(), Error> {
    let psk = match b.offer.early_psk() {
        Ok(psk) => psk,
        Err(why) => {
            cx.info.early_data = EarlyData::NotOffered(why);
            return Ok(());
        }
    };
    let session = &psk.session;
    let hash = b.transcript.hash_with(session.suite.hash, &[]).ok_or(Failed)?;
    let exporter = psk.early.early_exporter(&hash, cx.tap);
    let early = Early { most: session.max_early_data, alpn: session.alpn.clone(), exporter };
    let client = psk.early.client_early_traffic(&hash, cx.tap);
    b.offer.early = Some(Box::new(early));
    cx.info.early_data = EarlyData::Offered;
    cx.send_change_cipher_spec()?;
    cx.k_send(Level::Early, client)
}

fn send_hello(b: &mut Offered, cx: &mut Cx<'_>) -> Result<(), Error> {
    b.offer.bind(&b.transcript)?;
    if b.offer.config.requires_pre_shared_key && !b.offer.has_psks() {
        return Err(match b.retry_suite {
            Some(_) => Fault::PskHashDiffers.into(),
            None => Error::Misuse(
                "a pre-shared key is required, and none goes with TLS 1.3 and the cipher suites",
            ),
        });
    }
    b.offer.with_hello(|hello| {
        b.offered = hello.extensions.present();
        b.transcript.add(cx.send(Body::ClientHello(hello))?);
        Ok(())
    })
}

/// The rules that ServerHello and HelloRetryRequest share in TLS 1.3 (RFC 9846
/// section 4.2.3): the suite that both sides now have.
fn check(
    b: &Offered,
    legacy_version: ProtocolVersion,
    session_id: &[u8],
    id: CipherSuite,
    compression: u8,
) -> Result<&'static Suite, Fault> {
    if legacy_version != ProtocolVersion::TLS12 {
        return Err(Fault::BadLegacyVersion);
    }
    if session_id != b.offer.session_id() {
        return Err(Fault::SessionIdNotEchoed);
    }
    let suite = check_choice(b, id, compression)?;
    suite.is_tls13().then_some(suite).ok_or(Fault::UnofferedSuite)
}

/// The rules that hold in every version.
fn check_choice(b: &Offered, id: CipherSuite, compression: u8) -> Result<&'static Suite, Fault> {
    if compression != 0 {
        return Err(Fault::CompressionChosen);
    }
    b.offer.suite(id).ok_or(Fault::UnofferedSuite)
}

pub(crate) struct WaitSh(Box<Offered>);

impl WaitSh {
    fn hello_retry_request(
        self,
        msg: &Received<'_>,
        m: &HelloRetryRequest<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Self, Error> {
        let Self(mut b) = self;
        let early = b.offer.early.take();
        if early.is_some() {
            cx.info.early_data = EarlyData::Rejected(EarlyReason::Retried);
            cx.k_send_initial()?;
        }
        if b.retry_suite.is_some() {
            return Err(Fault::SecondRetry.into());
        }
        if m.extensions.supported_versions != Some(ProtocolVersion::TLS13) || !b.offer.config.common.tls13() {
            return Err(Fault::UnofferedVersion.into());
        }
        let suite = check(&b, m.legacy_version, m.session_id, m.cipher_suite, m.compression_method)?;
        if let Some(group) = m.extensions.key_share {
            if !b.offer.config.common.groups.contains(&group) {
                return Err(Fault::UnofferedGroup.into());
            }
            if b.offer.shares.entries().any(|(shared, _)| shared == group) {
                return Err(Fault::RetryChangesNothing.into());
            }
        } else if m.extensions.cookie.is_none() {
            return Err(Fault::RetryChangesNothing.into());
        }
        // The new ClientHello goes out in the clear: nothing may wait behind the request.
        msg.end()?;
        cx.info.retried = true;
        b.retry_suite = Some(m.cipher_suite);
        b.transcript.set_hash(suite.hash);
        b.transcript.fold_hello_retry();
        b.transcript.add(msg.bytes);
        b.offer.retry(m.extensions.key_share, m.extensions.cookie, cx.entropy)?;
        if early.is_none() {
            cx.send_change_cipher_spec()?;
        }
        send_hello(&mut b, cx)?;
        Ok(Self(b))
    }

    fn server_hello(self, msg: &Received<'_>, m: &ServerHello<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self(b) = self;
        let common = &b.offer.config.common;
        let early = b.offer.early.is_some();
        if early && m.extensions.supported_versions.is_none() {
            // No such server could read the alert under another key.
            cx.k_send_initial()?;
        }
        match m.extensions.supported_versions {
            // RFC 9846 appendix E.5.
            _ if m.legacy_version <= ProtocolVersion::SSL30 => Err(Fault::OldVersion.into()),
            Some(ProtocolVersion::TLS13) if common.tls13() => {
                let suite = check(&b, m.legacy_version, m.session_id, m.cipher_suite, m.compression_method)?;
                if b.retry_suite.is_some_and(|retry| retry != m.cipher_suite) {
                    return Err(Fault::SuiteChanged.into());
                }
                if !m.extensions.present().is_subset(b.offered) {
                    return Err(Fault::UnofferedExtension.into());
                }
                Ok(State::Tls13(client13::server_hello(b, suite, msg, m, cx)?))
            }
            Some(_) => Err(Fault::UnofferedVersion.into()),
            None if downgraded(m, common) => Err(Fault::Downgrade.into()),
            // Who asked for a retry has chosen TLS 1.3.
            None if b.retry_suite.is_some() => Err(Fault::UnofferedVersion.into()),
            None if early => Err(Fault::EarlyDataOldVersion.into()),
            None if m.legacy_version == ProtocolVersion::TLS12 && common.tls12() => {
                let suite = check_choice(&b, m.cipher_suite, m.compression_method)?;
                let Version::Tls12(exchange) = suite.version else {
                    return Err(Fault::UnofferedSuite.into());
                };
                Ok(State::Tls12(client12::server_hello(b, suite, exchange, msg, m, cx)?))
            }
            None => Err(Fault::OldVersion.into()),
        }
    }
}

/// A ServerHello without supported_versions chooses TLS 1.2 or older. Where its
/// random says that the server knows better, and so does this side, somebody
/// changed the ClientHello on its way (RFC 9846 section 4.2.3).
fn downgraded(m: &ServerHello<'_>, common: &Common) -> bool {
    common.tls13() && (m.random.ends_with(&DOWNGRADE_TLS12) || m.random.ends_with(&DOWNGRADE_TLS11))
}
