//! What an export of sessions costs whoever takes it in, whatever is in it.

use allocation_counter::measure;
use handfast::pki::UnixTime;
use handfast::{ClientSessions, limits, sha256};
use std::time::Duration;

const NOW: u64 = 1_790_000_000;

fn vec24(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[1..], body].concat()
}

/// One server with so many peers of so many certificates of so many bytes, and so many
/// sessions, in the format that `src/session/export.rs` draws.
fn server(number: usize, (peers, certificates, bytes): (usize, usize, usize), sessions: usize) -> Vec<u8> {
    let name = format!("h{number}.example");
    let chain = vec24(&vec![9; bytes]).repeat(certificates);
    let peer = [&[1, 0, 0, 0, 0, 0, 0, 0][..], &vec24(&[]), &vec24(&chain)].concat();
    let session = |ticket: usize| {
        let times = [NOW, NOW + 9, NOW + 9].map(u64::to_be_bytes).concat();
        let secret = [&[32][..], &[7; 32]].concat();
        let place = (ticket % peers) as u8;
        let ticket = [0, 2, number as u8, ticket as u8];
        [&[3, 4, 0x13, 1, place][..], &secret, &ticket, &[0; 4], &times, &[0; 4], &[0, 1]].concat()
    };
    let sessions = (0..sessions).flat_map(session).collect::<Vec<_>>();
    let name = [&[name.len() as u8], name.as_bytes()].concat();
    [&[7; 32][..], &name, &vec24(&peer.repeat(peers)), &vec24(&sessions)].concat()
}

#[test]
fn an_import_takes_no_more_memory_than_two_exports() {
    let tickets = usize::from(limits::TICKETS_KEPT);
    for (what, servers, peers, sessions) in [
        ("one large chain each", 40, (1, 1, 100_000), tickets),
        (
            "chains of single bytes",
            limits::SESSION_NAMES,
            (tickets, limits::CHAIN_CERTIFICATES_MOST, 1),
            tickets,
        ),
        ("the usual", limits::SESSION_NAMES, (1, 3, 1_500), 2),
    ] {
        let contents: Vec<u8> = (0..servers).flat_map(|number| server(number, peers, sessions)).collect();
        let length = u32::try_from(contents.len() + 32).unwrap().to_be_bytes();
        let mut export = [b"handfast sessions\x01\x00", &length[..], &contents].concat();
        export.extend(sha256(&export));
        assert!(export.len() <= limits::EXPORTED_SESSIONS, "{what}: {}", export.len());
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
        let store = ClientSessions::new();
        let counted = measure(|| {
            assert_eq!(store.import(&export, now).unwrap().kept, servers * sessions, "{what}");
        });
        let peak = usize::try_from(counted.bytes_max).unwrap();
        assert!(peak <= 2 * limits::EXPORTED_SESSIONS, "{what}: {peak} for {}", export.len());
    }
}
