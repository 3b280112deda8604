//! Which flow a connection is in.

use super::receiving::CONNECTED;
use crate::crypto::secret::clear_stack;
use crate::error::Error;
use crate::fault::Fault;
use crate::handshake::context::{Awaits, Connected, Cx, Holds, Input, Received, Reply, WRONG_ANSWER};
use crate::handshake::{client, flight2, server};
use crate::offer::Early;
use crate::question::{Answer, Question};
use crate::schedule::tls13::ExporterSecret;
use crate::wire::{Body, Form};

/// Client or server until the handshake is complete. Boxed, so that a
/// connection does not keep the room of a state when it has none any more; a
/// state leaves its box and the next one takes its place, for the secrets of
/// both are behind pointers.
pub(crate) enum Flow {
    Client(Box<client::State>),
    Server(Box<server::State>),
    /// A server without a configuration, which waits for the ClientHello.
    Undecided,
    /// The same with the ClientHello there: it asks for the configuration.
    Choosing,
    /// Connected: what both roles have in common is in `Post`.
    Done(Holds),
    /// Being stepped: the state is elsewhere.
    Over,
    /// Its secrets are gone; the error is repeated for ever.
    Failed(Box<Error>),
}

/// What a step led to.
pub(crate) enum Stepped {
    On(Flow),
    Connected(Connected),
}

impl Flow {
    pub(crate) fn client(state: client::State) -> Self {
        Self::Client(Box::new(state))
    }

    pub(crate) fn server(state: server::State) -> Self {
        Self::Server(Box::new(state))
    }

    /// Goes on where the configuration itself answers what the flow asks. In a frame
    /// of its own, which was cleared: a state goes to the heap with its padding.
    #[inline(never)]
    pub(crate) fn step(
        self,
        input: Input<'_>,
        msg: &Received<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Stepped, Error> {
        macro_rules! step {
            ($role:ident, $flow:path, $state:ident) => {{
                let mut s = $state.step(input, msg, cx)?;
                while let Some(reply) = s.answer_in_memory() {
                    clear_stack();
                    let (state, _) = s.awaits();
                    s = s.step(Input::Reply(reply), msg, cx).map_err(|error| error.in_state(state))?;
                }
                match s {
                    $role::State::Tls13($role::Tls13::Connected(connected))
                    | $role::State::Tls12($role::Tls12::Connected(connected)) => {
                        Stepped::Connected(connected)
                    }
                    s => {
                        *$state = s;
                        Stepped::On($flow($state))
                    }
                }
            }};
        }
        Ok(match self {
            Self::Client(mut state) => step!(client, Self::Client, state),
            Self::Server(mut state) => step!(server, Self::Server, state),
            Self::Undecided if matches!(input, Input::Message(Body::ClientHello(_))) => {
                Stepped::On(Self::Choosing)
            }
            Self::Choosing => match input {
                Input::Reply(Reply::Answered(Answer::Configuration(config))) => {
                    let hello = Body::ClientHello(msg.client_hello()?);
                    let server = Self::server(server::State::new(&config));
                    return server.step(Input::Message(hello), &msg.with(&hello), cx);
                }
                _ => return Err(Error::Misuse(WRONG_ANSWER)),
            },
            Self::Undecided | Self::Done(_) | Self::Over | Self::Failed(_) => {
                return Err(Fault::UnexpectedMessage.into());
            }
        })
    }

    pub(crate) fn awaits(&self) -> Awaits {
        match self {
            Self::Client(s) => s.awaits(),
            Self::Server(s) => s.awaits(),
            Self::Undecided | Self::Choosing => server::START,
            Self::Done(_) => (CONNECTED, &[]),
            Self::Over | Self::Failed(_) => ("Failed", &[]),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.awaits().0
    }

    /// Whether a HelloRequest is passed over here.
    pub(crate) fn ignores_hello_requests(&self) -> bool {
        matches!(self, Self::Client(s) if s.ignores_hello_requests())
    }

    /// The question that is open, if one is.
    pub(crate) fn question<'a>(&'a self, msg: &Received<'a>) -> Option<Question<'a>> {
        match self {
            Self::Client(s) => s.question(),
            Self::Server(s) => s.question(msg),
            Self::Choosing => {
                msg.client_hello().ok().map(|hello| Question::Configuration { hello, message: msg.bytes })
            }
            Self::Undecided | Self::Done(_) | Self::Over | Self::Failed(_) => None,
        }
    }

    /// Whether a question is open.
    pub(crate) fn asks(&self) -> bool {
        match self {
            Self::Client(s) => s.asks(),
            Self::Server(s) => s.asks(),
            Self::Choosing => true,
            Self::Undecided | Self::Done(_) | Self::Over | Self::Failed(_) => false,
        }
    }

    /// The wire form of the messages that differ by version.
    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Client(s) if matches!(**s, client::State::Tls12(_)) => Form::Tls12,
            Self::Server(s) if matches!(**s, server::State::Tls12(_)) => Form::Tls12,
            _ => Form::Tls13,
        }
    }

    /// What a ChangeCipherSpec is here.
    pub(crate) fn change_cipher_spec(&self) -> Meaning {
        match self {
            Self::Client(_) | Self::Server(_) if self.form() == Form::Tls12 => Meaning::KeyChange,
            Self::Client(_) => Meaning::Compatibility,
            Self::Server(s) if matches!(**s, server::State::Tls13(_)) => Meaning::Compatibility,
            Self::Server(s) if s.may_await_second_hello() => Meaning::Compatibility,
            Self::Server(_) | Self::Undecided | Self::Choosing => Meaning::None,
            Self::Done(_) | Self::Over | Self::Failed(_) => Meaning::None,
        }
    }

    /// The early data that may go from here.
    pub(crate) fn early_data(&self) -> Option<&Early> {
        match self {
            Self::Client(s) => s.early_data(),
            _ => None,
        }
    }

    /// Whether application data may be sent before the handshake is complete.
    pub(crate) fn allows_half_rtt(&self) -> bool {
        match self {
            Self::Server(_) => self.client_flight().is_some_and(flight2::State::allows_half_rtt),
            _ => false,
        }
    }

    /// Whether this server takes early data.
    pub(crate) fn takes_early_data(&self) -> bool {
        self.client_flight().is_some_and(flight2::State::takes_early_data)
    }

    /// Whether no early data can come to this server any more.
    pub(crate) fn early_data_is_over(&self) -> bool {
        match self {
            Self::Undecided | Self::Choosing => false,
            Self::Server(s) => !(s.decides_on_early_data() || self.takes_early_data()),
            Self::Client(_) | Self::Done(_) | Self::Over | Self::Failed(_) => true,
        }
    }

    /// Where keying material of early data comes from, where this server accepted it.
    pub(crate) fn early_exporter(&self) -> Option<&ExporterSecret> {
        self.client_flight().and_then(flight2::State::early_exporter)
    }

    /// What a client of TLS 1.3 still owes, once the server's Finished is out.
    fn client_flight(&self) -> Option<&flight2::State> {
        match self {
            Self::Server(s) => match &**s {
                server::State::Tls13(s) => s.client_flight(),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What a ChangeCipherSpec can be.
pub(crate) enum Meaning {
    /// TLS 1.2: the peer's keys change behind it; a row of the flow's table.
    KeyChange,
    /// TLS 1.3: for middleboxes; to be dropped.
    Compatibility,
    /// It may not stand here.
    None,
}
