//! The cryptography that a connection cannot avoid, and nothing else: the key
//! exchange, the signatures, the sealing of records. Each operation is done by the
//! fastest of the sources that the variant allows, as it is found on this machine.

mod graviola_source;
mod ring_like;

use peers_common::{Chain, Group, Job, Kind, Session, Turn, serve};
use ring_like::{aws_lc, ring};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use std::time::{Duration, Instant};

/// Something to do, with all that it needs at hand.
type Operation = Box<dyn FnMut()>;

/// So many records, each with so many bytes.
#[derive(Clone, Copy)]
struct Records {
    length: usize,
    count: usize,
}

/// What a sample of bulk carries: a mebibyte in the longest records.
const BULK: Records = Records { length: 16 * 1024, count: 64 };

/// Messages of 100 bytes, and their content type.
const MESSAGES: Records = Records { length: 101, count: 200 };

/// A record, and where it is copied to or comes from again and again: one copy each
/// way, as the transport makes one.
struct Carried {
    room: Vec<u8>,
    length: usize,
}

impl Carried {
    /// Half a page apart, modulo a page: else a copy waits for itself.
    const APART: usize = BULK.length + 4096 + 2048;

    fn new(sealed: &[u8]) -> Self {
        let mut room = vec![0; Self::APART + sealed.len()];
        room[..sealed.len()].copy_from_slice(sealed);
        Self { room, length: sealed.len() }
    }

    fn kept(&mut self) -> &mut [u8] {
        &mut self.room[..self.length]
    }

    fn carry(&mut self) -> &mut [u8] {
        let (kept, carried) = self.room.split_at_mut(Self::APART);
        carried.copy_from_slice(&kept[..self.length]);
        carried
    }
}

fn main() {
    serve(|variant, job, chain| {
        let all = variant == "all";
        Ok(match job.kind {
            Kind::Handshake => sides(handshake(all, job, chain)?),
            Kind::Bulk => sides(records(all, job, BULK).map(|operation| vec![operation])),
            Kind::Messages => messages(records(all, job, MESSAGES)),
            Kind::Memory => return Err("there is no floor of this".into()),
        })
    });
}

/// Times what the client, or the sender, must do, and what the other side.
fn sides(mut sides: [Vec<Operation>; 2]) -> Turn {
    Box::new(move || {
        let time = |side: &mut Vec<Operation>| {
            let start = Instant::now();
            side.iter_mut().for_each(|operation| operation());
            u64::try_from(start.elapsed().as_nanos()).ok()
        };
        sides.each_mut().map(time).to_vec()
    })
}

/// Times a message that is sealed and opened.
fn messages(mut ways: [Operation; 2]) -> Turn {
    Box::new(move || {
        let start = Instant::now();
        ways.iter_mut().for_each(|operation| operation());
        vec![u64::try_from(start.elapsed().as_nanos() / MESSAGES.count as u128).ok()]
    })
}

fn handshake(all: bool, job: &Job, chain: &Chain) -> Result<[Vec<Operation>; 2], String> {
    if job.version == 12 && job.session != Session::Full {
        return Err("no public key is used".into());
    }
    let of_all = |of_ring: Operation, of_others: &dyn Fn() -> Vec<Operation>| {
        let mut candidates = vec![of_ring];
        candidates.extend(all.then(of_others).into_iter().flatten());
        fastest(candidates)
    };
    let exchange = || of_all(ring::exchange(), &|| vec![aws_lc::exchange(), graviola_source::exchange()]);
    let [mut client, mut server] = [vec![exchange()], vec![exchange()]];
    if job.group == Group::X25519MlKem768 {
        if !all {
            return Err("ring has no ML-KEM".into());
        }
        let [receive, send] = by_side(vec![ring_like::kem(), graviola_source::kem()]);
        client.push(fastest(receive));
        server.push(fastest(send));
    }
    if job.session == Session::Full {
        let key = PrivatePkcs8KeyDer::from_pem_slice(&chain.key).map_err(|error| error.to_string())?;
        let key = key.secret_pkcs8_der();
        let signatures = || {
            let mut candidates = vec![ring::signature(job.key, key)];
            if all {
                candidates.push(aws_lc::signature(job.key, key));
                candidates.extend(graviola_source::signature(job.key, key));
            }
            let [sign, verify] = by_side(candidates);
            [fastest(sign), fastest(verify)]
        };
        // The server's own, and the authority's under the certificate.
        let [sign, verify] = signatures();
        client.push(verify);
        if !job.remembers {
            let [_, verify] = signatures();
            client.push(verify);
        }
        server.push(sign);
    }
    Ok([client, server])
}

fn records(all: bool, job: &Job, records: Records) -> [Operation; 2] {
    let mut candidates = vec![ring::records(job.suite, records)];
    if all {
        candidates.push(aws_lc::records(job.suite, records));
        candidates.extend(graviola_source::records(job.suite, records));
    }
    by_side(candidates).map(fastest)
}

fn by_side(candidates: Vec<[Operation; 2]>) -> [Vec<Operation>; 2] {
    let (one, other) = candidates.into_iter().map(|[one, other]| (one, other)).unzip();
    [one, other]
}

/// The fastest of these on this machine.
fn fastest(mut candidates: Vec<Operation>) -> Operation {
    const ROUNDS: usize = 25;
    let mut best = vec![Duration::MAX; candidates.len()];
    for _ in 0..ROUNDS {
        for (candidate, best) in candidates.iter_mut().zip(&mut best) {
            let start = Instant::now();
            candidate();
            *best = start.elapsed().min(*best);
        }
    }
    let least = (0..best.len()).min_by_key(|&which| best[which]).expect("a candidate");
    candidates.swap_remove(least)
}
