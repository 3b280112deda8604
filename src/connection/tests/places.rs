//! A connection in each state of both flows, and the message that its peer was
//! about to send.

use super::again::primed_again;
use super::alter::{both, keep};
use super::kit::*;
use super::pre_shared::{self, external, psk_ke_alone, server_of};
use super::resumption::primed;
use super::stores::{by_id, primed_by_id};
use super::{client_early, server_early};
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::question::Answer;
use crate::record::Alter;
use crate::schedule::Side;
use crate::session::{PreSharedKeys, ReplayRegister, Replays, SessionCache};
use crate::wire::{NamedGroup, ProtocolVersion};

/// A connection that waits, and what comes next.
pub(super) struct Place {
    pub(super) victim: Party,
    /// Its peer, which knows nothing of what becomes of the victim.
    pub(super) peer: Party,
    /// The message that the peer was about to send.
    pub(super) next: Vec<u8>,
}

/// The states, by their names in RFC 9846 Appendix A and in its spirit; a
/// variant in brackets leads to the same state by another way.
pub(super) const CLIENT: [&str; 21] = [
    "WaitSh",
    "WaitSh (early)",
    "WaitSh (retry)",
    "WaitSh (early retry)",
    "WaitEe",
    "WaitEe (resumed)",
    "WaitEe (psk_ke)",
    "WaitEe (early)",
    "WaitAgain",
    "WaitCertCr",
    "WaitCertCr (request)",
    "WaitCert",
    "WaitVerdict",
    "WaitPerson",
    "WaitCv",
    "WaitFinished",
    "WaitFinished (resumed)",
    "WaitFinished (psk_ke)",
    "WaitFinished (early)",
    "WaitSignature",
    "Connected",
];
pub(super) const SERVER: [&str; 24] = [
    "Start",
    "Start (resumed)",
    "Start (psk_ke)",
    "Start (early)",
    "Start (refused)",
    "WaitReplay",
    "WaitEoed",
    "WaitFinished (early)",
    "WaitSecondHello",
    "WaitCertificate",
    "WaitAgain",
    "WaitSignature",
    "WaitCert",
    "WaitCert (none)",
    "WaitVerdict",
    "WaitPerson",
    "WaitCv",
    "WaitFinished",
    "WaitFinished (resumed)",
    "WaitFinished (psk_ke)",
    "WaitSession",
    "WaitSession (pre-shared key)",
    "WaitFinished (by id)",
    "Connected",
];

pub(super) fn places() -> impl Iterator<Item = (Side, &'static str)> {
    let client = CLIENT.into_iter().map(|state| (Side::Client, state));
    client.chain(SERVER.into_iter().map(|state| (Side::Server, state)))
}

pub(super) fn place(side: Side, state: &str) -> Place {
    let place = match side {
        Side::Client => client_place(state),
        Side::Server => server_place(state),
    };
    let name = state.split(' ').next().unwrap();
    assert_eq!(place.victim.state(), name, "{:?}", place.victim.error);
    place
}

fn client_place(state: &str) -> Place {
    let with_client = |config: ClientConfig| config.identity(PKI.client.identity());
    let ask = |judge: Judge| ClientConfig::new(judge, now).groups(&[NamedGroup::X25519]).unwrap();
    let two = client_config().groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
    let p256 = server_config().groups(&[NamedGroup::SECP256R1]).unwrap();
    let all = usize::MAX;
    match state {
        "WaitSh" => client(0, &client_config(), &server_config()),
        "WaitSh (retry)" => client(0, &two, &p256),
        "WaitEe" => client(1, &client_config(), &server_config()),
        "WaitEe (resumed)" => resuming(|c, s| client(1, c, s)),
        "WaitEe (psk_ke)" => psk_ke(|c, s| client(1, c, s)),
        "WaitFinished (psk_ke)" => psk_ke(|c, s| client(2, c, s)),
        "WaitAgain" => {
            let (c, s) = primed_again(Side::Client, ProtocolVersion::TLS13);
            client(2, &c, &s)
        }
        "WaitFinished (resumed)" => resuming(|c, s| client(2, c, s)),
        "WaitSh (early)" => early(0),
        "WaitEe (early)" => early(1),
        "WaitFinished (early)" => early(2),
        "WaitSh (early retry)" => {
            let (client, server) = client_early::primed();
            self::client(0, &client, &server.groups(&[NamedGroup::SECP256R1]).unwrap())
        }
        "WaitCertCr" => client(2, &client_config(), &server_config()),
        "WaitCertCr (request)" => client(2, &client_config(), &requesting()),
        "WaitCert" => client(3, &client_config(), &requesting()),
        "WaitVerdict" => client(3, &ask(Judge::Application), &server_config()),
        "WaitPerson" => client(3, &ask(distrusting().into()).ask_when_refused(), &server_config()),
        "WaitCv" => client(3, &client_config(), &server_config()),
        "WaitFinished" => client(4, &client_config(), &server_config()),
        "WaitSignature" => client(all, &client_config().identity(PKI.client.elsewhere()), &requesting()),
        "Connected" => client(all, &with_client(client_config()), &requesting()),
        _ => panic!("{state}"),
    }
}

fn server_place(state: &str) -> Place {
    let with_client = || client_config().identity(PKI.client.identity());
    let request = |judge: Judge| server_config().client_auth(ClientAuth::Request(judge));
    let two = client_config().groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
    let p256 = server_config().groups(&[NamedGroup::SECP256R1]).unwrap();
    let all = usize::MAX;
    match state {
        "Start" => server(0, &client_config(), &server_config()),
        "Start (resumed)" => resuming(|c, s| server(0, c, s)),
        "Start (psk_ke)" => psk_ke(|c, s| server(0, c, s)),
        "WaitFinished (psk_ke)" => psk_ke(|c, s| server(1, c, s)),
        "WaitFinished (resumed)" => resuming(|c, s| server(1, c, s)),
        "Start (early)" => {
            let (client, server) = server_early::primed(ReplayRegister::new());
            start(&client, &server)
        }
        "WaitReplay" => taking(all, Replays::Asked),
        "WaitEoed" => taking(1, ReplayRegister::new().into()),
        "WaitFinished (early)" => taking(2, ReplayRegister::new().into()),
        "Start (refused)" => {
            let (client, server) = server_early::primed(ReplayRegister::new());
            start(&client, &server.early_data(1, ReplayRegister::new()))
        }
        "WaitAgain" => {
            let (c, s) = primed_again(Side::Server, ProtocolVersion::TLS13);
            server(all, &c, &s)
        }
        "WaitSession" => {
            let (client, config, _) = primed_by_id(ProtocolVersion::TLS13);
            server(1, &client, &config)
        }
        "WaitSession (pre-shared key)" => {
            server(1, &pre_shared::client_of(external(b"device")), &server_of(PreSharedKeys::asking()))
        }
        "WaitFinished (by id)" => {
            let (client, config) = by_id(ProtocolVersion::TLS13, SessionCache::new());
            connect(&client, &config);
            server(1, &client, &config)
        }
        "WaitSecondHello" => server(1, &two, &p256),
        "WaitCertificate" => server(all, &client_config(), &ServerConfig::asking_for_certificates(now)),
        "WaitSignature" => server(all, &client_config(), &server_config_with(PKI.server.elsewhere())),
        "WaitCert" => server(1, &with_client(), &requesting()),
        "WaitCert (none)" => server(1, &client_config(), &requesting()),
        "WaitVerdict" => server(2, &with_client(), &request(Judge::Application)),
        "WaitPerson" => server(2, &with_client(), &request(distrusting().into()).ask_when_refused()),
        "WaitCv" => server(2, &with_client(), &requesting()),
        "WaitFinished" => server(1, &client_config(), &server_config()),
        "Connected" => server(all, &client_config(), &server_config()),
        _ => panic!("{state}"),
    }
}

/// With configurations that have a pre-shared key and agree on no other.
fn psk_ke(place: impl FnOnce(&ClientConfig, &ServerConfig) -> Place) -> Place {
    let (client, server) = psk_ke_alone();
    place(&client, &server)
}

/// With configurations that have a session to resume.
fn resuming(place: impl FnOnce(&ClientConfig, &ServerConfig) -> Place) -> Place {
    let (client, server) = primed(ProtocolVersion::TLS13);
    place(&client, &server)
}

/// The same with early data, which the server accepts.
fn early(n: usize) -> Place {
    let (client, server) = client_early::primed();
    let mut at = client_of(n, &client, &server, client_early::accepting());
    assert_eq!(at.victim.c.send_early(b"early").unwrap(), 5);
    at
}

/// A client to which the first `n` messages of its server came.
fn client(n: usize, client: &ClientConfig, server: &ServerConfig) -> Place {
    client_of(n, client, server, None)
}

fn client_of(n: usize, client: &ClientConfig, server: &ServerConfig, alter: Option<Alter>) -> Place {
    let (keep, captured) = keep(n);
    let alter = both(alter, keep);
    let (mut client, mut server) = (Party::client(client), Party::server_altered(server, alter));
    pump(&mut client, &mut server);
    let next = captured.lock().unwrap().get(n).cloned().unwrap_or_default();
    Place { victim: client, peer: server, next }
}

/// A server to which the first `n` messages of its client came.
fn server(n: usize, client: &ClientConfig, server: &ServerConfig) -> Place {
    let (alter, captured) = keep(n);
    let (mut client, mut server) = (Party::client_altered(client, alter), Party::server(server));
    pump(&mut client, &mut server);
    let next = captured.lock().unwrap().get(n).cloned().unwrap_or_default();
    Place { victim: server, peer: client, next }
}

/// A server to which nothing came: the ChangeCipherSpec of a client that offers early
/// data is behind its ClientHello.
fn start(client: &ClientConfig, server: &ServerConfig) -> Place {
    let (alter, captured) = keep(0);
    let peer = Party::client_altered(client, alter);
    let next = captured.lock().unwrap()[0].clone();
    Place { victim: Party::server(server), peer, next }
}

/// A server that takes early data, to which the first `n` messages of its client came.
fn taking(n: usize, replays: Replays) -> Place {
    let (client, server) = server_early::primed(replays);
    self::server(n, &client, &server)
}

/// The state that asks the same: who the peer is.
pub(super) fn asks_as(state: &str) -> &str {
    if state == "WaitAgain" { "WaitVerdict" } else { state }
}

/// The answers that there are, and the state's question that each is for.
pub(super) fn answers() -> [(Answer, &'static str); 15] {
    [
        (Answer::Accept, "WaitVerdict"),
        (Answer::Reject("no".to_owned()), "WaitVerdict"),
        (Answer::Signature(vec![1; 70]), "WaitSignature"),
        (Answer::CannotSign, "WaitSignature"),
        (Answer::Certificate(PKI.server.identity().into()), "WaitCertificate"),
        (Answer::NoCertificate, "WaitCertificate"),
        (Answer::Session(vec![1; 200]), "WaitSession"),
        (Answer::NoSession, "WaitSession"),
        (Answer::PreSharedKey(external(b"device")), "WaitSession (pre-shared key)"),
        (Answer::NoPreSharedKey, "WaitSession (pre-shared key)"),
        (Answer::Refuse, "WaitPerson"),
        (Answer::AcceptThisOnce("the tests".to_owned()), "WaitPerson"),
        (Answer::First, "WaitReplay"),
        (Answer::Replayed, "WaitReplay"),
        (Answer::Unsure, "WaitReplay"),
    ]
}
