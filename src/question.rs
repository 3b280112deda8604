//! Questions: where the machine waits for the world.
//!
//! A flow never calls out. Where it needs something from outside it returns a
//! [`Question`]; what the configuration holds in memory answers at once, and
//! only what it leaves to the application becomes `Event::Ask`, resumed with
//! `Connection::answer`.

use crate::alert::AlertDescription;
use crate::config::ServerConfig;
use crate::identity::Identity;
use crate::pki::{CertificateDer, Purpose, Report, ServerName};
use crate::session::PreSharedKey;
use crate::wire::{CipherSuite, ClientHello, ProtocolVersion, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "static-rsa")]
use zeroize::Zeroizing;

/// What the handshake needs to know before it goes on. Lent: whoever answers
/// late takes [`Question::into_owned`] along.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let mut client = pair::asking();
/// use handfast::{Answer, Event, Question};
/// if let Event::Ask(Question::Verify { chain, name, .. }) = client.next()? {
///     assert_eq!(name.map(|name| name.to_str()).as_deref(), Some("a.example"));
///     println!("{} certificates", chain.len());
///     client.answer(Answer::Accept)?;
/// }
/// assert!(matches!(client.next()?, Event::HandshakeDone));
/// # Ok::<(), handfast::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // lent, and looked at once: a box would cost more
pub enum Question<'a> {
    /// Is this chain the peer's? Answered with [`Answer::Accept`],
    /// [`Answer::Reject`] or [`Answer::RejectWith`].
    Verify {
        /// The chain as the peer sent it, its own certificate first. The peer
        /// has not shown yet that it holds the key; the handshake checks that,
        /// and that the keyUsage allows what it does with it.
        chain: &'a [CertificateDer<'static>],
        /// The name that a server must have; `None` for clients.
        name: Option<&'a ServerName<'static>>,
        /// What the certificate must be good for.
        purpose: Purpose,
        /// The OCSP response that the peer stapled, in DER; empty if it did not.
        ocsp: &'a [u8],
        /// Whether the peer resumes a session: it shows nothing anew, and this is what
        /// it showed in the handshake before. Asked only where
        /// [it is to be](crate::ClientConfig::verify_on_resumption).
        resumed: bool,
    },
    /// Sign this. Answered with [`Answer::Signature`] or [`Answer::CannotSign`].
    Sign {
        /// The scheme (RFC 9846 section 4.3.3).
        scheme: SignatureScheme,
        /// The whole content to be signed, not its hash (RFC 9846 section 4.5.2).
        message: &'a [u8],
        /// This side's certificate, whose key is wanted.
        certificate: &'a CertificateDer<'static>,
    },
    /// Apply the private key to this (RSADP, RFC 8017 section 5.1.2; PKCS #11
    /// calls it `CKM_RSA_X_509`): a client that chose static RSA sent it (RFC
    /// 5246 section 7.4.7.1). Answered with [`Answer::Decrypted`] or
    /// [`Answer::CannotDecrypt`].
    ///
    /// The padding is not to be looked at: the handshake does that, so that
    /// nobody learns whether it was right. Whoever answers must not tell either,
    /// by what it says or logs, or by how long it takes.
    #[cfg(feature = "static-rsa")]
    Decrypt {
        /// As it came: perhaps not as long as the modulus, or not less than it.
        encrypted: &'a [u8],
        /// This side's certificate, whose key is wanted.
        certificate: &'a CertificateDer<'static>,
    },
    /// Which certificate shall this server show? Answered with
    /// [`Answer::Certificate`] or [`Answer::NoCertificate`].
    Certificate {
        /// The whole hello to look at.
        hello: ClientHello<'a>,
    },
    /// What is the session of this id? Asked by a server whose
    /// store is elsewhere, at most once a handshake, and never before a
    /// HelloRetryRequest. Answered with [`Answer::Session`] or [`Answer::NoSession`];
    /// the store is only read.
    Session {
        /// The id of a session of TLS 1.2, or a stateful ticket of TLS 1.3: this
        /// server, or one with its keys, made it.
        id: &'a [u8; 32],
    },
    /// Which of these pre-shared keys does the application have? Asked where the
    /// configuration's [keys](crate::PreSharedKeys::asking) say so and have none of
    /// them, once a handshake at most, after a HelloRetryRequest, and not where
    /// [`Session`](Self::Session) was asked. Answered with [`Answer::PreSharedKey`] or
    /// [`Answer::NoPreSharedKey`]. The client has not shown yet that it has the key; the
    /// handshake checks that. No ticket is sent: each handshake asks.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientConfig, ServerConfig, Trust, pki::UnixTime};
    /// # let secret = [7; 32];
    /// use handfast::{Answer, Event, PreSharedKey, PreSharedKeys, Question};
    /// # let key = PreSharedKey::external(b"device 7", &secret)?;
    /// # let client = ClientConfig::with_pre_shared_key(key, UnixTime::now)?;
    /// let config = ServerConfig::with_pre_shared_keys(PreSharedKeys::asking(), UnixTime::now);
    /// # let (mut client, mut server) = pair::start(&client, &config);
    /// # pair::carry(&mut client, &mut server);
    /// if let Event::Ask(Question::PreSharedKey { identities, .. }) = server.next()? {
    ///     assert_eq!(identities, [b"device 7"]);
    ///     server.answer(Answer::PreSharedKey(PreSharedKey::external(b"device 7", &secret)?))?;
    /// }
    /// # assert!(matches!(server.next()?, Event::NeedInput));
    /// # pair::carry(&mut server, &mut client);
    /// # assert!(matches!(client.next()?, Event::HandshakeDone));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    PreSharedKey {
        /// The first eight identities that the client offers, in its order.
        identities: Vec<&'a [u8]>,
        /// The suite that was chosen: a key with another hash will not do.
        suite: CipherSuite,
    },
    /// Is this the first time? Asked by a server whose register of replays is
    /// elsewhere, once the client has shown that it holds the key, where early data
    /// would be taken (RFC 9846 section 8.2). Answered with [`Answer::First`],
    /// [`Answer::Replayed`] or [`Answer::Unsure`].
    Replay {
        /// What may be said to be the first once only.
        once: Once,
    },
    /// With which configuration shall this server go on? Asked where
    /// [none was given](crate::Connection::server_asking). Answered with
    /// [`Answer::Configuration`]; [`Connection::abort`](crate::Connection::abort)
    /// refuses the client with an alert.
    Configuration {
        /// The whole hello to look at.
        hello: ClientHello<'a>,
        /// The same as it came, its header of four bytes first.
        message: &'a [u8],
    },
    /// The chain was refused: shall a person accept it this once? Asked only
    /// where the configuration enables it, before the alert leaves. Answered
    /// with [`Answer::Refuse`] or [`Answer::AcceptThisOnce`].
    Refused {
        /// All failing checks.
        report: &'a Report,
    },
}

/// What a register of replays, or a store, says yes to a single time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Once {
    /// A ClientHello: the register keeps its key for so long, and says "first" only
    /// if it has kept all others for so long, too.
    Register {
        /// A hash of the binder that was verified.
        key: [u8; 32],
        /// Twice the window in which a ticket's age is fresh; the register adds the
        /// skew of its machines' clocks.
        lives: Duration,
    },
    /// A stateful ticket, which whoever is the first deletes from the store.
    Take {
        /// The id of its session.
        id: [u8; 32],
    },
}

/// A [`Question`] that can be kept and sent to another thread.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let mut client = pair::asking();
/// # use handfast::{Answer, Event, OwnedQuestion};
/// # let Event::Ask(question) = client.next()? else { panic!("nothing is asked") };
/// let question = question.into_owned();
/// let judging = std::thread::spawn(move || match question {
///     OwnedQuestion::Verify { chain, .. } if chain.len() == 1 => Answer::Accept,
///     _ => Answer::Reject("a chain of one certificate is wanted".into()),
/// });
/// client.answer(judging.join().unwrap())?;
/// # assert!(matches!(client.next()?, Event::HandshakeDone));
/// # Ok::<(), handfast::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OwnedQuestion {
    /// See [`Question::Verify`].
    Verify {
        /// The chain as the peer sent it.
        chain: Vec<CertificateDer<'static>>,
        /// The name that a server must have.
        name: Option<ServerName<'static>>,
        /// What the certificate must be good for.
        purpose: Purpose,
        /// The OCSP response that the peer stapled.
        ocsp: Vec<u8>,
        /// Whether the peer resumes a session.
        resumed: bool,
    },
    /// See [`Question::Sign`].
    Sign {
        /// The scheme.
        scheme: SignatureScheme,
        /// The content to be signed.
        message: Vec<u8>,
        /// This side's certificate.
        certificate: CertificateDer<'static>,
    },
    /// See [`Question::Decrypt`].
    #[cfg(feature = "static-rsa")]
    Decrypt {
        /// As it came.
        encrypted: Vec<u8>,
        /// This side's certificate.
        certificate: CertificateDer<'static>,
    },
    /// See [`Question::Certificate`].
    Certificate {
        /// The name that the client asks for.
        server_name: Option<String>,
        /// The schemes that the client verifies.
        signature_schemes: Vec<SignatureScheme>,
        /// The application protocols that the client offers.
        alpn: Vec<Vec<u8>>,
    },
    /// See [`Question::Session`].
    Session {
        /// The id.
        id: [u8; 32],
    },
    /// See [`Question::PreSharedKey`].
    PreSharedKey {
        /// The identities that the client offers.
        identities: Vec<Vec<u8>>,
        /// The suite that was chosen.
        suite: CipherSuite,
    },
    /// See [`Question::Replay`].
    Replay {
        /// What may be said to be the first once only.
        once: Once,
    },
    /// See [`Question::Configuration`].
    Configuration(Hello),
    /// See [`Question::Refused`].
    Refused {
        /// The report in words, with its tree.
        report: String,
    },
}

/// What a client says first, and nobody has shown yet to be true: kept by whoever
/// chooses a configuration by it.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # use handfast::{Connection, Event, OwnedQuestion};
/// # let (client, server) = pair::configs();
/// # let (mut client, mut server) = (pair::start(&client, &server).0, Connection::server_asking(None));
/// # pair::carry(&mut client, &mut server);
/// # let Event::Ask(question) = server.next()? else { panic!("nothing asked") };
/// let OwnedQuestion::Configuration(hello) = question.into_owned() else { panic!("another question") };
/// assert_eq!(hello.server_name.as_deref(), Some("a.example"));
/// assert!(hello.alpn.is_empty()); // it offers no protocols
/// # Ok::<(), handfast::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hello {
    /// The name of the host that the client asks for (RFC 6066 section 3).
    pub server_name: Option<String>,
    /// The application protocols that it offers, the favourite first (RFC 7301).
    pub alpn: Vec<Vec<u8>>,
    /// The versions that it offers, the favourite first; one that offers TLS 1.2
    /// at most has the highest here alone (RFC 9846 section 4.3.1).
    pub versions: Vec<ProtocolVersion>,
    /// The cipher suites that it offers, the favourite first.
    pub cipher_suites: Vec<CipherSuite>,
    /// The signatures that it verifies, the favourite first.
    pub signature_schemes: Vec<SignatureScheme>,
    /// The whole message as it came, its header of four bytes first:
    /// [`Message::decode`](crate::wire::Message::decode) reads it.
    pub message: Vec<u8>,
}

impl Hello {
    fn new(hello: &ClientHello<'_>, message: &[u8]) -> Self {
        let extensions = &hello.extensions;
        let versions = match extensions.supported_versions {
            Some(versions) => versions.iter().collect(),
            None => vec![hello.legacy_version],
        };
        Self {
            server_name: extensions.server_name.map(|name| String::from_utf8_lossy(name).into_owned()),
            alpn: extensions.alpn.iter().flat_map(|list| list.iter()).map(|name| name.0.to_vec()).collect(),
            versions,
            cipher_suites: hello.cipher_suites.iter().collect(),
            signature_schemes: extensions.signature_algorithms.iter().flat_map(|list| list.iter()).collect(),
            message: message.to_vec(),
        }
    }
}

impl Question<'_> {
    /// A copy for whoever answers late.
    pub fn into_owned(self) -> OwnedQuestion {
        match self {
            Self::Verify { chain, name, purpose, ocsp, resumed } => OwnedQuestion::Verify {
                chain: chain.to_vec(),
                name: name.cloned(),
                purpose,
                ocsp: ocsp.to_vec(),
                resumed,
            },
            Self::Sign { scheme, message, certificate } => {
                OwnedQuestion::Sign { scheme, message: message.to_vec(), certificate: certificate.clone() }
            }
            #[cfg(feature = "static-rsa")]
            Self::Decrypt { encrypted, certificate } => {
                OwnedQuestion::Decrypt { encrypted: encrypted.to_vec(), certificate: certificate.clone() }
            }
            Self::Certificate { hello } => {
                let Hello { server_name, signature_schemes, alpn, .. } = Hello::new(&hello, &[]);
                OwnedQuestion::Certificate { server_name, signature_schemes, alpn }
            }
            Self::Session { id } => OwnedQuestion::Session { id: *id },
            Self::PreSharedKey { identities, suite } => {
                let identities = identities.into_iter().map(<[u8]>::to_vec).collect();
                OwnedQuestion::PreSharedKey { identities, suite }
            }
            Self::Replay { once } => OwnedQuestion::Replay { once },
            Self::Configuration { hello, message } => {
                OwnedQuestion::Configuration(Hello::new(&hello, message))
            }
            Self::Refused { report } => OwnedQuestion::Refused { report: format!("{report:#}") },
        }
    }
}

impl Answer {
    /// Whether it answers this question at all.
    pub(crate) fn fits(&self, question: &Question<'_>) -> bool {
        match question {
            Question::Verify { .. } => {
                matches!(self, Self::Accept | Self::Reject(_) | Self::RejectWith(..))
            }
            Question::Sign { .. } => matches!(self, Self::Signature(_) | Self::CannotSign),
            #[cfg(feature = "static-rsa")]
            Question::Decrypt { .. } => matches!(self, Self::Decrypted(_) | Self::CannotDecrypt),
            Question::Certificate { .. } => matches!(self, Self::Certificate(_) | Self::NoCertificate),
            Question::Session { .. } => matches!(self, Self::Session(_) | Self::NoSession),
            Question::PreSharedKey { .. } => matches!(self, Self::PreSharedKey(_) | Self::NoPreSharedKey),
            Question::Replay { .. } => matches!(self, Self::First | Self::Replayed | Self::Unsure),
            Question::Configuration { .. } => matches!(self, Self::Configuration(_)),
            Question::Refused { .. } => matches!(self, Self::Refuse | Self::AcceptThisOnce(_)),
        }
    }
}

/// The answer to a [`Question`].
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let mut client = pair::asking();
/// use handfast::{AlertDescription, Answer};
/// let no = Answer::RejectWith(AlertDescription::ACCESS_DENIED, "it is not of our fleet".into());
/// let error = client.answer(no).unwrap_err();
/// assert!(error.to_string().ends_with("refused the peer's certificate: it is not of our fleet"));
/// assert_eq!(error.alert(), Some(AlertDescription::ACCESS_DENIED)); // the server is told
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// To `Verify`: the application vouches for the chain.
    Accept,
    /// To `Verify`: the application refuses the chain, for this reason;
    /// `certificate_unknown` is sent.
    Reject(String),
    /// To `Verify`: the same with another alert, which tells the peer more (RFC
    /// 9846 section 6.2), such as `access_denied`; close_notify is none.
    RejectWith(AlertDescription, String),
    /// To `Sign`: the signature.
    Signature(Vec<u8>),
    /// To `Sign`: the key cannot be reached; the handshake fails.
    CannotSign,
    /// To `Decrypt`: what the private key made of it, the padding and all.
    #[cfg(feature = "static-rsa")]
    Decrypted(EncodedMessage),
    /// To `Decrypt`: nothing came of it, for whatever reason. The handshake
    /// goes on as with a wrong padding, and fails at the client's Finished.
    #[cfg(feature = "static-rsa")]
    CannotDecrypt,
    /// To `Certificate`: show this one.
    Certificate(Arc<Identity>),
    /// To `Certificate`: there is none for this name; `unrecognized_name` is sent.
    NoCertificate,
    /// To `Session`: what was kept under the id, as it was given to be kept. It is
    /// sealed: whoever keeps it can neither read nor exchange it.
    Session(Vec<u8>),
    /// To `Session`: there is none, or the store could not be asked: a full handshake
    /// follows, and that is all.
    NoSession,
    /// To `PreSharedKey`: the client may have this one. One whose identity it did not
    /// offer, or that has another hash than the suite, counts as none.
    PreSharedKey(PreSharedKey),
    /// To `PreSharedKey`: there is none of them, or whoever keeps them could not be asked. A
    /// certificate is shown, if there is one, or else `unknown_psk_identity` is sent.
    NoPreSharedKey,
    /// To `Replay`: it is the first.
    First,
    /// To `Replay`: it was there before; early data is refused, and the handshake goes on.
    Replayed,
    /// To `Replay`: nobody can say, for the register is full, too young, too slow or not to
    /// be reached. Early data is refused, and the handshake goes on.
    Unsure,
    /// To `Configuration`: go on with this one.
    Configuration(Arc<ServerConfig>),
    /// To `Refused`: let the refusal stand.
    Refuse,
    /// To `Refused`: a person accepts the chain for this connection, for this reason.
    AcceptThisOnce(String),
}

/// The result of RSADP as octets (EM in RFC 8017 section 7.2.2): as long as the
/// modulus, beginning with a zero octet if it is well formed. Wiped on drop,
/// and not printed.
///
/// ```
/// # use handfast::{Answer, EncodedMessage};
/// # fn from_the_hsm() -> Vec<u8> { vec![0; 256] }
/// let answer = Answer::Decrypted(EncodedMessage::from(from_the_hsm()));
/// assert!(!format!("{answer:?}").contains('0'));
/// ```
#[cfg(feature = "static-rsa")]
#[derive(Clone)]
pub struct EncodedMessage(Zeroizing<Vec<u8>>);

#[cfg(feature = "static-rsa")]
impl EncodedMessage {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(feature = "static-rsa")]
impl From<Vec<u8>> for EncodedMessage {
    fn from(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }
}

#[cfg(feature = "static-rsa")]
impl From<Zeroizing<Vec<u8>>> for EncodedMessage {
    fn from(octets: Zeroizing<Vec<u8>>) -> Self {
        Self(octets)
    }
}

#[cfg(feature = "static-rsa")]
impl std::fmt::Debug for EncodedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncodedMessage").finish_non_exhaustive()
    }
}
