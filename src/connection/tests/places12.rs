//! A connection in each state of both flows of TLS 1.2, and the records that
//! its peer was about to send.

use super::again::primed_again;
use super::faults::{tls12_client, tls12_server};
use super::kit::*;
use super::kit12::*;
use super::resumption::{keeping, primed};
use super::resumption12::renewing;
#[cfg(feature = "static-rsa")]
use super::static_rsa;
use super::stores::{by_id, primed_by_id};
use crate::config::{ClientConfig, Judge, ServerConfig};
use crate::question::Answer;
#[cfg(feature = "static-rsa")]
use crate::question::EncodedMessage;
use crate::schedule::Side;
use crate::session::SessionCache;
use crate::wire::ProtocolVersion;

/// A connection that waits, and what comes next.
pub(super) struct Place12 {
    pub(super) victim: Party,
    /// The messages, one in each record, and the ChangeCipherSpec that the peer
    /// was about to send with what the victim said so far.
    pub(super) coming: Vec<Opened>,
}

/// The states; a variant in brackets leads to the same state by another way.
pub(super) const CLIENT: &[&str] = &[
    "WaitCert",
    "WaitCert (status)",
    "WaitStatus",
    "WaitSke",
    "WaitSke (status)",
    "WaitCr",
    "WaitCr (request)",
    "WaitDone",
    "WaitVerdict",
    "WaitPerson",
    "WaitSignature",
    "WaitCcs",
    "WaitCcs (certificate)",
    "WaitFinished",
    "WaitTicket",
    "WaitCcs (ticket)",
    "WaitTicket (renewed)",
    "WaitCcs (renewed)",
    "WaitAgain",
    "WaitCcs (resumed)",
    "WaitFinished (resumed)",
    "WaitCcs (by id)",
    "WaitFinished (by id)",
    "Connected",
    #[cfg(feature = "static-rsa")]
    "WaitCert (rsa)",
    #[cfg(feature = "static-rsa")]
    "WaitCr (rsa)",
    #[cfg(feature = "static-rsa")]
    "WaitVerdict (rsa)",
];
pub(super) const SERVER: &[&str] = &[
    "WaitCertificate",
    "WaitAgain",
    "WaitSignature",
    "WaitCert",
    "WaitCert (none)",
    "WaitVerdict",
    "WaitPerson",
    "WaitCke",
    "WaitCke (certificate)",
    "WaitCv",
    "WaitCcs",
    "WaitCcs (certificate)",
    "WaitFinished",
    "WaitCcs (resumed)",
    "WaitFinished (resumed)",
    "WaitSession",
    "WaitCcs (by id)",
    "WaitFinished (by id)",
    "Connected",
    #[cfg(feature = "static-rsa")]
    "WaitCke (rsa)",
    #[cfg(feature = "static-rsa")]
    "WaitDecrypted",
    #[cfg(feature = "static-rsa")]
    "WaitCcs (rsa)",
];

pub(super) fn places12() -> impl Iterator<Item = (Side, &'static str)> {
    let client = CLIENT.iter().map(|state| (Side::Client, *state));
    client.chain(SERVER.iter().map(|state| (Side::Server, *state)))
}

/// The state's name without the way to it.
pub(super) fn bare(state: &str) -> &str {
    state.split(' ').next().unwrap()
}

/// States in which a question is open: nothing is read.
pub(super) fn is_asking(state: &str) -> bool {
    let asking = ["WaitAgain", "WaitVerdict", "WaitPerson", "WaitSignature"];
    let asking_too = ["WaitCertificate", "WaitSession", "WaitDecrypted"];
    asking.iter().chain(&asking_too).any(|asking| *asking == bare(state))
}

pub(super) fn place12(side: Side, state: &str) -> Place12 {
    let (client, server, n) = match side {
        Side::Client => client_place(state),
        Side::Server => server_place(state),
    };
    let place = reach(side, Party::client(&client), Party::server(&server), n);
    assert_eq!(place.victim.state(), bare(state), "{:?}", place.victim.error);
    place
}

/// Who is to talk, and how many records of the server reach the client.
fn client_place(state: &str) -> (ClientConfig, ServerConfig, usize) {
    let requesting = || requesting12(trusting().into());
    let plain = |n| (tls12_client(), tls12_server(), n);
    let with = |(client, server), n| (client, server, n);
    match state {
        "WaitCert" => plain(1),
        "WaitCert (status)" => (tls12_client(), stapling12(), 1),
        "WaitStatus" => (tls12_client(), stapling12(), 2),
        "WaitSke" => plain(2),
        "WaitSke (status)" => (tls12_client(), stapling12(), 3),
        "WaitCr" => plain(3),
        "WaitCr (request)" => (tls12_client(), requesting(), 3),
        "WaitDone" => (tls12_client(), requesting(), 4),
        "WaitVerdict" => (client12_of(Judge::Application), tls12_server(), 4),
        "WaitPerson" => (client12_of(distrusting().into()).ask_when_refused(), tls12_server(), 4),
        "WaitSignature" => (tls12_client().identity(PKI.client.elsewhere()), requesting(), 5),
        "WaitCcs" => plain(4),
        "WaitCcs (certificate)" => (client12_with_certificate(), requesting(), 5),
        "WaitFinished" => plain(5),
        "WaitTicket" => with(keeping(ProtocolVersion::TLS12), 4),
        "WaitCcs (ticket)" => with(keeping(ProtocolVersion::TLS12), 5),
        "WaitTicket (renewed)" => with(renewing(), 1),
        "WaitCcs (renewed)" => with(renewing(), 2),
        "WaitAgain" => with(primed_again(Side::Client, ProtocolVersion::TLS12), 1),
        "WaitCcs (resumed)" => with(primed(ProtocolVersion::TLS12), 1),
        "WaitFinished (resumed)" => with(primed(ProtocolVersion::TLS12), 2),
        "WaitCcs (by id)" => with(primed_in_memory(), 1),
        "WaitFinished (by id)" => with(primed_in_memory(), 2),
        "Connected" => plain(6),
        #[cfg(feature = "static-rsa")]
        "WaitCert (rsa)" => (static_rsa::client(static_rsa::AES_128), static_rsa::server(), 1),
        #[cfg(feature = "static-rsa")]
        "WaitCr (rsa)" => (static_rsa::client(static_rsa::AES_128), static_rsa::server(), 2),
        #[cfg(feature = "static-rsa")]
        "WaitVerdict (rsa)" => {
            let client = client12_of(Judge::Application).allow_static_rsa();
            (client.suites(&[static_rsa::AES_128]).unwrap(), static_rsa::server(), 3)
        }
        _ => panic!("{state}"),
    }
}

/// A session is at hand, and its server keeps it under an id.
fn primed_in_memory() -> (ClientConfig, ServerConfig) {
    let (client, server) = by_id(ProtocolVersion::TLS12, SessionCache::new());
    connect(&client, &server);
    (client, server)
}

/// Who is to talk, and how many records of the client reach the server.
fn server_place(state: &str) -> (ClientConfig, ServerConfig, usize) {
    let with = client12_with_certificate;
    let requesting = || requesting12(trusting().into());
    let plain = |n| (tls12_client(), tls12_server(), n);
    match state {
        "WaitCertificate" => (tls12_client(), ServerConfig::asking_for_certificates(now), 1),
        "WaitAgain" => {
            let (client, server) = primed_again(Side::Server, ProtocolVersion::TLS12);
            (client, server, 1)
        }
        "WaitSignature" => (tls12_client(), server12_with(PKI.server.elsewhere()), 1),
        "WaitCert" => (with(), requesting(), 1),
        "WaitCert (none)" => (tls12_client(), requesting(), 1),
        "WaitVerdict" => (with(), requesting12(Judge::Application), 2),
        "WaitPerson" => (with(), requesting12(distrusting().into()).ask_when_refused(), 2),
        "WaitCke" => plain(1),
        "WaitCke (certificate)" => (with(), requesting(), 2),
        "WaitCv" => (with(), requesting(), 3),
        "WaitCcs" => plain(2),
        "WaitCcs (certificate)" => (with(), requesting(), 4),
        "WaitFinished" => plain(3),
        "WaitCcs (resumed)" | "WaitFinished (resumed)" => {
            let (client, server) = primed(ProtocolVersion::TLS12);
            (client, server, if bare(state) == "WaitCcs" { 1 } else { 2 })
        }
        "WaitSession" => {
            let (client, server, _) = primed_by_id(ProtocolVersion::TLS12);
            (client, server, 1)
        }
        "WaitCcs (by id)" | "WaitFinished (by id)" => {
            let (client, server) = primed_in_memory();
            (client, server, if bare(state) == "WaitCcs" { 1 } else { 2 })
        }
        "Connected" => plain(4),
        #[cfg(feature = "static-rsa")]
        "WaitCke (rsa)" => (static_rsa::client(static_rsa::AES_128), static_rsa::server(), 1),
        #[cfg(feature = "static-rsa")]
        "WaitDecrypted" => {
            let server = static_rsa::server_with(static_rsa::elsewhere());
            (static_rsa::client(static_rsa::AES_128), server, 2)
        }
        #[cfg(feature = "static-rsa")]
        "WaitCcs (rsa)" => (static_rsa::client(static_rsa::AES_128), static_rsa::server(), 2),
        _ => panic!("{state}"),
    }
}

/// A party to which the first `n` records of its peer came, each with one message.
fn reach(side: Side, client: Party, server: Party, n: usize) -> Place12 {
    let (mut victim, mut peer) = match side {
        Side::Client => (client, server),
        Side::Server => (server, client),
    };
    let (mut ear, mut left, mut coming) = (Ear12::default(), n, Vec::new());
    loop {
        let said = victim.take();
        peer.give(&said);
        let answered = peer.take();
        if said.is_empty() && answered.is_empty() {
            return Place12 { victim, coming };
        }
        for record in one_each(ear.open(&peer, &answered)) {
            match left.checked_sub(1) {
                None => coming.push(record),
                Some(less) => {
                    left = less;
                    give12(&mut victim, record.kind, &record.content);
                }
            }
        }
    }
}

/// The answers that there are, and the state's question that each is for.
pub(super) fn answers12() -> Vec<(Answer, &'static str)> {
    #[allow(unused_mut)] // a feature adds to it
    let mut answers = super::places::answers().to_vec();
    #[cfg(feature = "static-rsa")]
    answers.extend([
        (Answer::Decrypted(EncodedMessage::from(vec![7; 256])), "WaitDecrypted"),
        (Answer::CannotDecrypt, "WaitDecrypted"),
    ]);
    answers
}
