//! Memory, counted: none is allocated for a record in steady state, and an idle
//! connection keeps little.

#[path = "support/pair.rs"]
mod pair;

use allocation_counter::measure;
use handfast::wire::{CipherSuite, ProtocolVersion};
use handfast::{ClientConfig, Connection, ServerConfig};

const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

fn with_suite(suite: CipherSuite) -> (ClientConfig, ServerConfig) {
    let (client, server) = pair::configs();
    (client.suites(&[suite]).unwrap(), server)
}

/// 100 records of each size each way, after a few to warm up.
fn records(client: &mut Connection, server: &mut Connection) {
    let sizes = [1, 100, 5_000, 1 << 14];
    let mut round = || {
        for n in sizes {
            assert_eq!(pair::record(client, server, n), n);
            assert_eq!(pair::record(server, client, n), n);
        }
        // Several records before the transport takes any.
        for _ in 0..3 {
            assert_eq!(client.send(&[7; 5_000]).unwrap(), 5_000);
        }
        assert_eq!(pair::take(client, server), 15_000);
    };
    (0..3).for_each(|_| round());
    let counted = measure(|| (0..100).for_each(|_| round()));
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0), "{counted:?}");
}

#[test]
fn no_allocation_for_a_record() {
    for suite in SUITES {
        let (client, server) = with_suite(suite);
        let (mut client, mut server) = pair::connect(client, server);
        assert_eq!(server.info().suite, Some(suite));
        records(&mut client, &mut server);
    }
}

#[test]
fn no_allocation_for_a_record_of_tls12() {
    let (client, server) = pair::configs();
    let (mut client, mut server) = pair::connect(client.versions(&[ProtocolVersion::TLS12]).unwrap(), server);
    assert_eq!(server.info().version, Some(ProtocolVersion::TLS12));
    records(&mut client, &mut server);
}

/// What an idle established server connection may cost, itself and what it
/// holds on the heap, with its two expanded keys (ring's have 544 bytes each)
/// and at rest.
const EXPANDED: usize = 1936;
const RESTED: usize = 1024;

#[test]
fn an_idle_server_connection_is_small() {
    for suite in SUITES {
        let (client, server) = with_suite(suite);
        let client = client.alpn(&[b"h2", b"http/1.1"]).unwrap();
        let server = server.alpn(&[b"http/1.1"]).unwrap();
        let (mut client, mut server) = pair::connect(client, server);
        pair::record(&mut client, &mut server, 100);
        pair::record(&mut server, &mut client, 100);

        let freed = |f: &mut dyn FnMut()| usize::try_from(-measure(f).bytes_current).unwrap();
        // Buffers go to the thread's list of spare ones: what is freed is the keys.
        let keys = freed(&mut || server.rest());
        let mut server = Some(server);
        let rested = size_of::<Connection>() + freed(&mut || drop(server.take()));
        let expanded = rested + keys;
        println!("{suite}: {expanded} bytes with expanded keys, {rested} at rest");
        assert!(rested <= RESTED && expanded <= EXPANDED, "{suite}: {expanded} bytes, {rested} at rest");
    }
}
