//! Lists in a ClientHello, as long as a client likes, with what this side can use at
//! their ends.

use crate::curve::{Curve, Point, Who, timed};
use crate::world::{NAME, identity, read, root, server, write};
use handfast::wire::ProtocolVersion;
use handfast::{Connection, ServerConfig};
use std::sync::Arc;

/// How many there are of each, before the one that counts.
#[derive(Clone, Copy, Default)]
struct Lists {
    suites: usize,
    groups: usize,
    schemes: usize,
    protocols: usize,
    shares: usize,
    extensions: usize,
}

const COUNTS: [usize; 9] = [1, 8, 64, 256, 1_000, 2_000, 4_000, 8_000, 16_000];

type Of = fn(&mut Lists) -> &mut usize;

pub(crate) fn lists() -> Vec<Curve> {
    let root = root("root");
    let own = server(identity(&root, &[]), ProtocolVersion::TLS13).alpn(&[b"wanted"]).unwrap();
    let own = Arc::new(own);
    let curves: [(&'static str, Of); 6] = [
        ("cipher suites offered: a server's first flight", |lists| &mut lists.suites),
        ("groups offered: a server's first flight", |lists| &mut lists.groups),
        ("signature schemes offered: a server's first flight", |lists| &mut lists.schemes),
        ("protocols offered: a server's first flight", |lists| &mut lists.protocols),
        ("key shares offered: a server's first flight", |lists| &mut lists.shares),
        ("unknown extensions: a server's first flight", |lists| &mut lists.extensions),
    ];
    let measure = |(name, of): (_, Of)| {
        let point = |count| -> Option<(usize, Point<'_>)> {
            let mut lists = Lists::default();
            *of(&mut lists) = count;
            let hello = hello(lists)?;
            answer(&own, &hello)?;
            let own = &own;
            Some((count, Box::new(move || timed(|| answer(own, &hello)))))
        };
        let mut curve = Curve::new(name, "us", Who::Peer);
        // Up to what the library, or the format, takes.
        curve.measure(50, COUNTS.into_iter().map_while(point).collect());
        curve
    };
    curves.map(measure).into()
}

/// `None`: the hello was refused.
fn answer(own: &Arc<ServerConfig>, hello: &[u8]) -> Option<usize> {
    let (mut server, mut wire) = (Connection::server(own), Vec::new());
    read(&mut server, hello).ok()?;
    write(&mut server, &mut wire);
    (wire.first() == Some(&22)).then_some(wire.len())
}

/// Values that mean nothing to this side, each another one.
fn unknown(count: usize) -> impl Iterator<Item = u16> {
    (0..=u16::MAX).filter(|value| (0x4000..0xc000).contains(value)).take(count)
}

fn hello(lists: Lists) -> Option<Vec<u8>> {
    let values =
        |count, last: u16| -> Vec<u8> { unknown(count).chain([last]).flat_map(u16::to_be_bytes).collect() };
    let mut body = vec![3, 3];
    body.extend([0x11; 32]);
    body.push(0);
    body.extend(counted(&values(lists.suites, 0x1301))?);
    body.extend([1, 0]);

    let share =
        |group: u16, length: usize| Some([&group.to_be_bytes()[..], &counted(&vec![9; length])?].concat());
    let shares = unknown(lists.shares).map(|group| share(group, 1)).chain([share(0x1d, 32)]);
    let shares: Option<Vec<Vec<u8>>> = shares.collect();
    let groups = values(lists.groups.max(lists.shares), 0x1d);
    let protocols = unknown(lists.protocols).flat_map(|each| [&[2][..], &each.to_be_bytes()].concat());
    let protocols: Vec<u8> = protocols.chain(*b"\x06wanted").collect();
    let name = [&[0][..], &counted(NAME.as_bytes())?].concat();

    let mut extensions = Vec::new();
    let mut extension = |number: u16, data: &[u8]| {
        extensions.extend(number.to_be_bytes());
        extensions.extend(counted(data)?);
        Some(())
    };
    unknown(lists.extensions).try_for_each(|number| extension(number, &[]))?;
    extension(0, &counted(&name)?)?;
    extension(10, &counted(&groups)?)?;
    extension(13, &counted(&values(lists.schemes, 0x0403))?)?;
    extension(16, &counted(&protocols)?)?;
    extension(43, &[2, 3, 4])?;
    extension(51, &counted(&shares?.concat())?)?;
    body.extend(counted(&extensions)?);

    let length = u32::try_from(body.len()).ok()?.to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    let record = |part: &[u8]| Some([&[22, 3, 1][..], &counted(part)?].concat());
    let records: Option<Vec<Vec<u8>>> = message.chunks(1 << 14).map(record).collect();
    Some(records?.concat())
}

/// Behind its length, of two bytes.
fn counted(data: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(data.len()).ok()?;
    Some([&length.to_be_bytes()[..], data].concat())
}
