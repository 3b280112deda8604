//! The abbreviated handshake in TLS 1.2 (RFC 5246 section 7.3, RFC 5077 section
//! 3.1): both sides have the master secret of the session, and the server's
//! Finished comes first.
//!
//! ```text
//!   Client                                              Server
//!
//!   ClientHello (a ticket or id)  -------->
//!                                                                  (WAIT_AGAIN is server12's)
//!                                                  ServerHello
//!                  WAIT_AGAIN
//!                  WAIT_TICKET               NewSessionTicket*
//!                  WAIT_CCS          [ChangeCipherSpec] K_send
//!                  WAIT_FINISHED  <--------           Finished
//!   K_send [ChangeCipherSpec]                                      WAIT_CCS
//!   Finished                      -------->                        WAIT_FINISHED
//!   CONNECTED                                                      CONNECTED
//! ```

use super::context::{
    Awaits, Connected, Cx, Exporter, Holds, Input, PeerTrusted, Received, Reply, Unproven, unexpected,
};
use super::{auth, negotiate, resume};
use crate::config::Standing;
use crate::crypto::aead::Protection;
use crate::crypto::kdf::Digest;
use crate::crypto::suite::Suite;
use crate::error::Error;
use crate::fault::Fault;
use crate::info::Reason;
use crate::observe::Level;
use crate::question::Question;
use crate::record::RecordEnd;
use crate::schedule::Side;
use crate::schedule::tls12::{KeyBlock, MasterSecret, Randoms, Ready};
use crate::schedule::transcript::Transcript;
use crate::wire::{
    Body, ClientHello, Finished, HandshakeType, NewSessionTicket12, ProtocolVersion, ServerHello,
};
use std::sync::Arc;

/// What lives to the end on both sides.
struct Hs {
    client_random: [u8; 32],
    server_random: [u8; 32],
    master: MasterSecret,
    transcript: Transcript,
    /// The handshake that made the session came to trust the peer.
    _trusted: PeerTrusted,
}

impl Hs {
    fn randoms(&self) -> Randoms<'_> {
        Randoms { client: &self.client_random, server: &self.server_random }
    }

    /// Sends this side's Finished, under the key that it begins; its verify_data.
    fn send_finished(
        &mut self,
        ready: &Ready,
        side: Side,
        key: Protection,
        cx: &mut Cx<'_>,
    ) -> Result<Digest, Error> {
        cx.send_change_cipher_spec()?;
        cx.k_send(Level::Application, key)?;
        let verify_data = ready.verify_data(side, &self.transcript.hash());
        self.transcript.add(cx.send(Body::Finished(Finished { verify_data: verify_data.as_bytes() }))?);
        Ok(verify_data)
    }

    /// `server_finished` is the verify_data of the first Finished.
    fn exporter(self, server_finished: &Digest) -> Exporter {
        let Self { client_random, server_random, master, .. } = self;
        let randoms = Randoms { client: &client_random, server: &server_random };
        // Sessions without extended_master_secret are not resumed.
        Exporter::tls12(master, randoms, server_finished, true)
    }
}

/// The client's side.
pub(crate) mod client {
    use super::*;
    use crate::config::ClientConfig;
    use crate::offer::Offer;
    use crate::pki::ServerName;
    use crate::session::ClientSession;
    use resume::Ticket12;

    pub(crate) enum State {
        WaitAgain(WaitAgain),
        WaitTicket(WaitTicket),
        WaitCcs(WaitCcs),
        WaitFinished(WaitFinished),
        Connected(Connected),
    }

    impl State {
        #[rustfmt::skip] // a table
        pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
            use Body::{Finished, NewSessionTicket12 as NewSessionTicket};
            use Input::{ChangeCipherSpec, Message};
            Ok(match (self, input) {
                (Self::WaitAgain(s),    Input::Reply(reply))          => s.again(reply, cx)?,
                (Self::WaitTicket(s),   Message(NewSessionTicket(m))) => Self::WaitCcs(s.new_session_ticket(msg, &m)),
                (Self::WaitCcs(s),      ChangeCipherSpec(end))        => Self::WaitFinished(s.change_cipher_spec(end, cx)),
                (Self::WaitFinished(s), Message(Finished(m)))         => Self::Connected(s.finished(msg, &m, cx)?),
                (_, got) => return Err(unexpected(&got)),
            })
        }

        #[rustfmt::skip] // a table
        pub(crate) fn awaits(&self) -> Awaits {
            use HandshakeType as T;
            match self {
                Self::WaitAgain(_)    => ("WaitAgain", &[]),
                Self::WaitTicket(_)   => ("WaitTicket", &[T::NEW_SESSION_TICKET]),
                Self::WaitCcs(_)      => ("WaitCcs", &[]),
                Self::WaitFinished(_) => ("WaitFinished", &[T::FINISHED]),
                Self::Connected(_)    => ("Connected", &[]),
            }
        }

        /// Whether there is a question.
        pub(crate) const fn asks(&self) -> bool {
            matches!(self, Self::WaitAgain(_))
        }

        /// What is asked of the application alone.
        pub(crate) fn question(&self) -> Option<Question<'_>> {
            match self {
                Self::WaitAgain(s) => Some(s.question()),
                _ => None,
            }
        }
    }

    /// What the client keeps beside.
    struct Own {
        hs: Hs,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        session: Box<ClientSession>,
        who: Box<Unproven>,
        ticket: Option<Ticket12>,
        client: Protection,
    }

    /// The server takes the session; the extensions of its hello are checked.
    pub(crate) fn server_hello(
        mut offer: Offer,
        session: Box<ClientSession>,
        mut transcript: Transcript,
        suite: &'static Suite,
        msg: &Received<'_>,
        m: &ServerHello<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        if suite != session.suite {
            return Err(Fault::SessionSuiteChanged.into());
        }
        if !m.extensions.extended_master_secret {
            return Err(Fault::ResumedWithoutBinding.into());
        }
        transcript.set_hash(suite.hash);
        transcript.add(msg.bytes);
        let (server_random, renews) = (*m.random, m.extensions.session_ticket);
        let standing = offer.standing.take();
        let taken = Taken { offer, session, transcript, server_random, renews };
        match standing {
            Some(standing) => taken.stands(&standing, cx),
            None => Ok(State::WaitAgain(WaitAgain { b: Box::new(taken) })),
        }
    }

    /// A session that the server takes.
    struct Taken {
        offer: Offer,
        session: Box<ClientSession>,
        transcript: Transcript,
        server_random: [u8; 32],
        /// The server said that a NewSessionTicket follows.
        renews: bool,
    }

    impl Taken {
        fn stands(self, standing: &Standing, cx: &mut Cx<'_>) -> Result<State, Error> {
            let Self { offer, session, transcript, server_random, renews } = self;
            let master = MasterSecret::resumed(session.suite, session.secret.as_bytes(), cx.tap)?;
            let (trusted, who) = auth::resumed(session.peer.clone(), standing);
            let client_random = offer.random;
            let hs = Hs { client_random, server_random, master, transcript, _trusted: trusted };
            let KeyBlock { client, server } = hs.master.ready().key_block(hs.randoms(), cx.tap)?;
            let Offer { config, name, .. } = offer;
            let b = Box::new(Own { hs, config, name, session, who, ticket: None, client });
            let next = WaitCcs { b, server };
            Ok(match renews {
                true => State::WaitTicket(WaitTicket(next)),
                false => State::WaitCcs(next),
            })
        }
    }

    /// The application judges the server again.
    pub(crate) struct WaitAgain {
        b: Box<Taken>,
    }

    impl WaitAgain {
        fn question(&self) -> Question<'_> {
            auth::question_again(&self.b.session.peer, Some(&self.b.offer.name))
        }

        fn again(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
            self.b.stands(&auth::answered_again(reply)?, cx)
        }
    }

    pub(crate) struct WaitTicket(WaitCcs);

    impl WaitTicket {
        fn new_session_ticket(self, msg: &Received<'_>, m: &NewSessionTicket12<'_>) -> WaitCcs {
            let Self(mut s) = self;
            s.b.ticket = Some(m.into());
            s.b.hs.transcript.add(msg.bytes);
            s
        }
    }

    pub(crate) struct WaitCcs {
        b: Box<Own>,
        server: Protection,
    }

    impl WaitCcs {
        fn change_cipher_spec(self, end: RecordEnd, cx: &mut Cx<'_>) -> WaitFinished {
            let Self { b, server } = self;
            cx.k_recv(Level::Application, server, end);
            WaitFinished { b }
        }
    }

    pub(crate) struct WaitFinished {
        b: Box<Own>,
    }

    impl WaitFinished {
        fn finished(self, msg: &Received<'_>, m: &Finished<'_>, cx: &mut Cx<'_>) -> Result<Connected, Error> {
            let Own { mut hs, config, name, session, who, ticket, client } = *self.b;
            // Hash before adding: Finished covers the transcript without itself.
            let hash = hs.transcript.hash();
            let ready = hs.master.ready();
            let finished = auth::verify_finished12(&ready, Side::Server, &hash, m.verify_data)?;
            // Nothing of this handshake may follow.
            msg.end()?;
            hs.transcript.add(msg.bytes);
            hs.send_finished(&ready, Side::Client, client, cx)?;
            who.by_finished(&finished, cx);
            let (suite, until) = (session.suite, Some(session.trusted_until));
            match ticket {
                Some(ticket) => resume::keep12(&config, &name, suite, &hs.master, ticket, until, cx.info)?,
                None => resume::keep_again(&config, &name, *session),
            }
            let exporter = hs.exporter(&Digest::new(m.verify_data));
            Ok(Connected { exporter, finished, holds: Holds::Nothing })
        }
    }
}

/// The server's side.
pub(crate) mod server {
    use super::*;
    use crate::config::ServerConfig;
    use crate::session::ServerSession;
    use crate::wire::{DOWNGRADE_TLS12, ProtocolName, ServerExtensions};
    use resume::Origin;

    pub(crate) enum State {
        WaitCcs(WaitCcs),
        WaitFinished(WaitFinished),
        Connected(Connected),
    }

    impl State {
        #[rustfmt::skip] // a table
        pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
            use Body::Finished;
            use Input::{ChangeCipherSpec, Message};
            Ok(match (self, input) {
                (Self::WaitCcs(s),      ChangeCipherSpec(end)) => Self::WaitFinished(s.change_cipher_spec(end, cx)),
                (Self::WaitFinished(s), Message(Finished(m)))  => Self::Connected(s.finished(msg, &m, cx)?),
                (_, got) => return Err(unexpected(&got)),
            })
        }

        #[rustfmt::skip] // a table
        pub(crate) fn awaits(&self) -> Awaits {
            use HandshakeType as T;
            match self {
                Self::WaitCcs(_)      => ("WaitCcs", &[]),
                Self::WaitFinished(_) => ("WaitFinished", &[T::FINISHED]),
                Self::Connected(_)    => ("Connected", &[]),
            }
        }
    }

    /// ServerHello.random, in the full handshake too.
    pub(crate) fn server_random(config: &ServerConfig, cx: &Cx<'_>) -> Result<[u8; 32], Error> {
        let mut random = [0; 32];
        cx.entropy.fill(&mut random)?;
        if config.common.tls13()
            && let Some(sentinel) = random.last_chunk_mut()
        {
            // This server could do better: the client can tell that its offer was changed.
            *sentinel = DOWNGRADE_TLS12;
        }
        Ok(random)
    }

    /// This server takes the session. `current`: the client's ticket is as good as
    /// a new one.
    pub(crate) fn client_hello(
        config: Arc<ServerConfig>,
        (session, current): (ServerSession, bool),
        standing: &Standing,
        mut transcript: Transcript,
        m: &ClientHello<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let suite = session.suite;
        cx.info.suite = Some(suite.id);
        cx.info.reasons.suite = Some(Reason::SuiteOfSession);
        cx.info.extended_master_secret = true;
        let origin = Origin::from(&session);
        let (trusted, who) = auth::resumed(session.peer.clone(), standing);
        let server_random = server_random(&config, cx)?;
        transcript.set_hash(suite.hash);
        let alpn = cx.info.alpn.clone();
        transcript.add(cx.send(Body::ServerHello(ServerHello {
            legacy_version: ProtocolVersion::TLS12,
            random: &server_random,
            // Takes the ticket, or the session of this id (RFC 5077 section 3.4).
            session_id: m.session_id,
            cipher_suite: suite.id,
            compression_method: 0,
            extensions: ServerExtensions {
                renegotiation_info: negotiate::secure_renegotiation(m).then_some(&[]),
                extended_master_secret: true,
                session_ticket: !current,
                alpn: alpn.as_deref().map(ProtocolName),
                ..ServerExtensions::default()
            },
        }))?);
        let master = MasterSecret::resumed(suite, session.secret.as_bytes(), cx.tap)?;
        if !current {
            // Before the client's proof: of use only to who has the session's secret.
            let peer = Some(session.peer);
            resume::send_ticket12(&config, (suite, &master), &origin, peer, &mut transcript, cx)?;
        }
        let mut hs = Hs { client_random: *m.random, server_random, master, transcript, _trusted: trusted };
        let ready = hs.master.ready();
        let KeyBlock { client, server } = ready.key_block(hs.randoms(), cx.tap)?;
        let verify_data = hs.send_finished(&ready, Side::Server, server, cx)?;
        Ok(State::WaitCcs(WaitCcs { hs: Box::new(hs), who, client, verify_data }))
    }

    pub(crate) struct WaitCcs {
        hs: Box<Hs>,
        who: Box<Unproven>,
        client: Protection,
        /// Of this side's Finished.
        verify_data: Digest,
    }

    impl WaitCcs {
        fn change_cipher_spec(self, end: RecordEnd, cx: &mut Cx<'_>) -> WaitFinished {
            let Self { hs, who, client, verify_data } = self;
            cx.k_recv(Level::Application, client, end);
            WaitFinished { hs, who, verify_data }
        }
    }

    pub(crate) struct WaitFinished {
        hs: Box<Hs>,
        who: Box<Unproven>,
        verify_data: Digest,
    }

    impl WaitFinished {
        fn finished(self, msg: &Received<'_>, m: &Finished<'_>, cx: &mut Cx<'_>) -> Result<Connected, Error> {
            let Self { hs, who, verify_data } = self;
            let hash = hs.transcript.hash();
            let finished = auth::verify_finished12(&hs.master.ready(), Side::Client, &hash, m.verify_data)?;
            // Nothing of this handshake may follow.
            msg.end()?;
            who.by_finished(&finished, cx);
            Ok(Connected { exporter: hs.exporter(&verify_data), finished, holds: Holds::Nothing })
        }
    }
}
