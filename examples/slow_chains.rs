//! A search for chains that are slow to judge: chains are changed at random, and
//! what takes longer is changed further. Ends with an error if one takes longer
//! than the bar, and prints what it is made of.
//!
//! `cargo run --release --features public-suffix --example slow_chains -- --minutes 60`
//!
//! `--seed n` begins elsewhere; `--goal steps` climbs by the cost that the report
//! tells instead of by time, so that the same seed finds the same.

#[path = "../tests/support/worst.rs"]
#[allow(dead_code)] // others use the rest of it
mod worst;

use handfast::pki::{CertificateDer, Profile, Purpose, Roots, ServerName, UnixTime, Verifier};
use std::time::{Duration, Instant};
use worst::{NAME, NOW, Party, attribute, authority, extension, leaf, name, tlv};

const BAR: Duration = Duration::from_millis(20);
/// Octets of a message, and certificates in it.
const OCTETS: usize = 100_000;
const MOST: usize = 10;
/// Tries without success before another beginning.
const PATIENCE: u32 = 400;

/// What a certificate is made of: the numbers of parties, and so much of each kind.
#[derive(Clone, Debug, Default)]
struct Plan {
    subject: usize,
    key: usize,
    issuer: usize,
    signer: usize,
    pieces: Vec<Piece>,
}

/// So many octets of one kind, each item so long.
#[derive(Clone, Copy, Debug)]
struct Piece {
    kind: usize,
    octets: usize,
    length: usize,
}

const KINDS: usize = 17;

/// Numbers that look like chance (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    }

    fn piece(&mut self) -> Piece {
        let (kind, octets, longest) = (self.roll(KINDS), 1 << self.roll(17), 1 << self.roll(9));
        let length = 1 + self.roll(longest);
        Piece { kind, octets, length }
    }
}

/// A straight chain, with something in each certificate.
fn beginning(dice: &mut Dice) -> Vec<Plan> {
    let count = 1 + dice.roll(MOST);
    let mut plans: Vec<_> = (0..count)
        .map(|n| Plan {
            subject: n + 1,
            key: n + 1,
            issuer: n + 2,
            signer: n + 2,
            pieces: vec![dice.piece()],
        })
        .collect();
    if let Some(last) = plans.last_mut() {
        (last.issuer, last.signer) = (0, 0);
    }
    plans
}

fn change(plans: &mut Vec<Plan>, dice: &mut Dice) {
    let at = dice.roll(plans.len());
    let (other, party) = (dice.roll(plans.len()), dice.roll(MOST + 2));
    let copy = plans[other].clone();
    let piece = dice.piece();
    let count = plans.len();
    let plan = &mut plans[at];
    let place = dice.roll(plan.pieces.len());
    match dice.roll(12) {
        0 => plan.pieces.push(piece),
        1 if !plan.pieces.is_empty() => drop(plan.pieces.remove(place)),
        2..=3 => plan.pieces.iter_mut().skip(place).take(1).for_each(|one| one.octets *= 2),
        4 => plan.pieces.iter_mut().skip(place).take(1).for_each(|one| one.length = piece.length),
        5 => plan.pieces.iter_mut().skip(place).take(1).for_each(|one| *one = piece),
        6 => plan.pieces = copy.pieces,
        7 => (plan.subject, plan.key) = (party, party),
        8 => (plan.issuer, plan.signer) = (copy.issuer, copy.signer),
        9 => plan.signer = party,
        10 if count < MOST => plans.push(copy),
        11 if at > 0 => drop(plans.remove(at)),
        _ => plan.issuer = party,
    }
}

fn chain(plans: &[Plan], parties: &[Party]) -> Vec<CertificateDer<'static>> {
    // What is asked for shares the room.
    let wanted: usize = plans.iter().flat_map(|plan| &plan.pieces).map(|piece| piece.octets).sum();
    let room = OCTETS.saturating_sub(500 * plans.len());
    plans
        .iter()
        .enumerate()
        .map(|(place, plan)| {
            let octets =
                |piece: &Piece| if wanted > room { piece.octets * room / wanted } else { piece.octets };
            certificate(place, plan, parties, octets)
        })
        .collect()
}

fn certificate(
    place: usize,
    plan: &Plan,
    parties: &[Party],
    octets: impl Fn(&Piece) -> usize,
) -> CertificateDer<'static> {
    let of = |party: usize| &parties[party % parties.len()];
    let (mut names, mut bases, mut excluded) = (vec![], vec![], vec![]);
    let (mut subject, mut set, mut extensions) = (vec![], vec![], vec![]);
    for piece in &plan.pieces {
        let text = |n: usize| format!("{n:x}{}", "a".repeat(piece.length));
        let labels = |n: usize| format!("{n:x}{}", ".a".repeat(piece.length.min(120)));
        let make = |n: usize| match piece.kind {
            0 | 1 => tlv(0x82, &[labels(n).as_bytes()]),
            2 | 3 => tlv(0x81, &[format!("{n}@{}", labels(n)).as_bytes()]),
            4 => tlv(0x87, &[&(n as u32).to_be_bytes()]),
            5 => tlv(0x87, &[&(n as u32).to_be_bytes(), &[0xff; 4]]),
            6 | 7 => tlv(0xa4, &[&name(&[(b"\x55\x04\x0a", "a"), (b"\x55\x04\x03", &text(n))])]),
            8 | 9 => tlv(0x86, &[format!("https://{}/", labels(n)).as_bytes()]),
            10 => tlv(0x82, &[format!("*.{}", labels(n)).as_bytes()]),
            11 => tlv(0x31, &[&attribute(b"\x55\x04\x03", &text(n))]),
            12 => tlv(
                0x31,
                &[&attribute(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", &format!("{n}@{}", labels(n)))],
            ),
            13 => attribute(b"\x55\x04\x03", &text(0xfffff - n)),
            14 => extension(&[0x2a, 3, n as u8 & 0x7f, (n >> 7) as u8 & 0x7f], false, text(n).as_bytes()),
            15 => tlv(0x81, &[text(n).as_bytes()]),
            _ => tlv(0x82, &[text(n).as_bytes()]),
        };
        let mut left = octets(piece);
        let mut list: Vec<Vec<u8>> = Vec::new();
        while let Some(rest) = left.checked_sub(make(list.len()).len()) {
            list.push(make(list.len()));
            left = rest;
        }
        match piece.kind {
            0 | 2 | 4 | 6 | 8 | 10 => names.extend(list),
            1 | 3 | 5 | 7 | 9 if piece.length % 2 == 0 => bases.extend(list),
            1 | 3 | 5 | 7 | 9 => excluded.extend(list),
            11 | 12 => subject.extend(list),
            13 => set.extend(list),
            14 => extensions.extend(list),
            15 if place > 0 => excluded.extend(list),
            _ => names.extend(list),
        }
    }
    let list = |tag: u8, all: &[Vec<u8>]| if all.is_empty() { vec![] } else { tlv(tag, &[&all.concat()]) };
    let wrapped = |all: &[Vec<u8>]| all.iter().map(|base| tlv(0x30, &[base])).collect::<Vec<_>>();
    let (permitted, excluded) = (list(0xa0, &wrapped(&bases)), list(0xa1, &wrapped(&excluded)));
    if !(permitted.is_empty() && excluded.is_empty()) {
        extensions.push(extension(b"\x55\x1d\x1e", true, &tlv(0x30, &[&permitted, &excluded])));
    }
    if place == 0 {
        extensions.extend(leaf(&names));
    } else {
        extensions.extend(authority(&of(plan.key).spki));
        if !names.is_empty() {
            extensions.push(extension(b"\x55\x1d\x11", false, &list(0x30, &names)));
        }
    }
    // A name of its own, or that of a party.
    let own = [subject.concat(), list(0x31, &set)].concat();
    let subject = if own.is_empty() { of(plan.subject).name.clone() } else { tlv(0x30, &[&own]) };
    of(plan.signer).signs_as(&of(plan.issuer).name, &subject, &of(plan.key).spki, &extensions)
}

struct Judged {
    took: Duration,
    cost: usize,
}

fn judge(verifier: &Verifier, chain: &[CertificateDer<'_>], runs: u32) -> Judged {
    let (server, now) =
        (ServerName::try_from(NAME).unwrap(), UnixTime::since_unix_epoch(Duration::from_secs(NOW)));
    let mut judged = Judged { took: Duration::MAX, cost: 0 };
    for _ in 0..runs {
        let started = Instant::now();
        let verdict = verifier.verify(chain, Some(&server), Purpose::Server, now);
        judged.took = judged.took.min(started.elapsed());
        judged.cost = verdict.map_or_else(|refused| refused.report.cost(), |accepted| accepted.report.cost());
    }
    judged
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let told = |what: &str| {
        let at = arguments.iter().position(|one| one == what)?;
        arguments.get(at + 1).cloned()
    };
    let number = |what, default| told(what).map_or(default, |text| text.parse().expect("a number"));
    let (minutes, seed) = (number("--minutes", 10), number("--seed", 1));
    let by_steps = told("--goal").as_deref() == Some("steps");
    let parties: Vec<_> = (0..MOST + 2).map(|n| Party::new(&format!("Party {n}"))).collect();
    let mut roots = Roots::new();
    roots.add(parties[0].signs(&parties[0].name, &parties[0].spki, &authority(&parties[0].spki))).unwrap();
    let verifier = Verifier::web_pki(roots).with_profile(Profile::STRICT).remember_signatures(false);
    let weigh = |judged: &Judged| if by_steps { judged.cost as u128 } else { judged.took.as_nanos() };

    let mut dice = Dice(seed);
    let (mut tried, mut worst, mut made) = (0u64, 0, Vec::new());
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60 * minutes) {
        let mut plans = beginning(&mut dice);
        let mut best = weigh(&judge(&verifier, &chain(&plans, &parties), 2));
        let mut failures = 0;
        while failures < PATIENCE && started.elapsed() < Duration::from_secs(60 * minutes) {
            let mut next = plans.clone();
            for _ in 0..=dice.roll(3) {
                change(&mut next, &mut dice);
            }
            let sent = chain(&next, &parties);
            let octets: usize = sent.iter().map(|der| der.len() + 3).sum();
            let judged = judge(&verifier, &sent, 2);
            tried += 1;
            failures += 1;
            if octets > OCTETS + 2_400 || weigh(&judged) <= best {
                continue;
            }
            (best, plans, failures) = (weigh(&judged), next, 0);
            if best > worst {
                (worst, made) = (best, plans.clone());
                println!("{tried}: {:?}, {} of {octets} octets", judged.took, judged.cost);
            }
            if judged.took > BAR && judge(&verifier, &sent, 30).took > BAR {
                eprintln!("slower than {BAR:?}, seed {seed}: {plans:#?}");
                std::process::exit(1);
            }
        }
    }
    println!("{made:#?}");
    println!(
        "{tried} chains, none slower than {BAR:?}; the worst {worst} {}",
        if by_steps { "octets" } else { "ns" }
    );
}
