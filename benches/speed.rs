//! How fast this crate is by itself, with criterion: `cargo bench --bench speed`.

#[path = "support/ours.rs"]
mod ours;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use handfast::pki::{Purpose, Roots, ServerName, UnixTime, Verifier};
use ours::{Chain, NAME, Ours, Times, bulk};

const HANDSHAKES: [(&str, u16); 2] = [("TLS 1.3", 0x1301), ("TLS 1.2", 0xc02b)];
const AEADS: [(&str, u16); 3] =
    [("AES-128-GCM", 0x1301), ("AES-256-GCM", 0x1302), ("ChaCha20-Poly1305", 0x1303)];
const SIZES: [usize; 3] = [100, 1_400, 64 * 1024];

fn handshakes(c: &mut Criterion) {
    let chain = Chain::new();
    let mut group = c.benchmark_group("handshake");
    for (version, suite) in HANDSHAKES {
        let ours = Ours::new(&chain, suite);
        for (side, pick) in [("client", Times::client as fn(&Times) -> _), ("server", Times::server)] {
            group.bench_function(format!("{version}, {side}"), |b| {
                b.iter_custom(|n| {
                    let mut times = Times::default();
                    (0..n).for_each(|_| drop(ours.connect(&mut times)));
                    pick(&times)
                });
            });
        }
    }
    group.finish();
}

fn transfers(c: &mut Criterion) {
    let chain = Chain::new();
    for (aead, suite) in AEADS {
        let mut group = c.benchmark_group(aead);
        let (mut client, mut server) = Ours::new(&chain, suite).connect(&mut Times::default());
        let mut wire = Vec::new();
        for size in SIZES {
            let data = vec![0x5a; size];
            group.throughput(Throughput::Bytes(size as u64));
            for (side, pick) in [("send", Times::client as fn(&Times) -> _), ("receive", Times::server)] {
                group.bench_function(format!("{side} {size} bytes"), |b| {
                    b.iter_custom(|n| {
                        let mut times = Times::default();
                        for _ in 0..n {
                            bulk(&mut client, &mut server, &data, &mut wire, &mut times);
                        }
                        pick(&times)
                    });
                });
            }
        }
        group.finish();
    }
}

fn verifying(c: &mut Criterion) {
    let chain = Chain::new();
    let mut roots = Roots::new();
    roots.add(chain.root.clone()).unwrap();
    let verifier = Verifier::web_pki(roots).remember_signatures(false);
    let name = ServerName::try_from(NAME).unwrap();
    let sent = [chain.leaf.clone()];
    c.bench_function("verify a chain of two", |b| {
        b.iter(|| verifier.verify(&sent, Some(&name), Purpose::Server, UnixTime::now()).unwrap());
    });
}

criterion_group!(benches, handshakes, transfers, verifying);
criterion_main!(benches);
