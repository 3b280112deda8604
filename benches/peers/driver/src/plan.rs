//! Who is measured, and at what.

use peers_common::{Group, Job, Key, Kind, Session};

/// A library with its cryptography, or the floor.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) binary: &'static str,
    pub(crate) variant: &'static str,
    pub(crate) role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Ours,
    Theirs,
    Floor,
}

pub(crate) const RING: &str = "handfast, ring";
pub(crate) const BEST: &str = "handfast, best";
pub(crate) const RUSTLS_RING: &str = "rustls 0.23, ring";
pub(crate) const BORINGSSL: &str = "BoringSSL";
pub(crate) const FLOOR_RING: &str = "floor, ring";
pub(crate) const FLOOR: &str = "floor, best";

pub(crate) const PEERS: [Peer; 11] = [
    peer(RING, "handfast-ring", "", Role::Ours),
    peer(BEST, "handfast-best", "", Role::Ours),
    peer(RUSTLS_RING, "rustls", "ring", Role::Theirs),
    peer("rustls 0.23, aws-lc", "rustls", "aws-lc", Role::Theirs),
    peer("rustls 0.24-dev, ring", "rustls24", "ring", Role::Theirs),
    peer("rustls 0.24-dev, aws-lc", "rustls24", "aws-lc", Role::Theirs),
    peer("s2n-tls", "s2n", "", Role::Theirs),
    peer(BORINGSSL, "boring", "", Role::Theirs),
    peer("OpenSSL", "openssl", "", Role::Theirs),
    peer(FLOOR_RING, "floor", "ring", Role::Floor),
    peer(FLOOR, "floor", "all", Role::Floor),
];

const fn peer(name: &'static str, binary: &'static str, variant: &'static str, role: Role) -> Peer {
    Peer { name, binary, variant, role }
}

/// The place of a peer in the list.
pub(crate) fn place(name: &str) -> usize {
    PEERS.iter().position(|peer| peer.name == name).expect("a peer of the plan")
}

/// A row of the tables.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) job: Job,
}

pub(crate) const ECDSA_13: &str = "1.3 full, ECDSA P-256";
pub(crate) const REMEMBERED_13: &str = "1.3 full, ECDSA P-256, handfast remembers signatures";
pub(crate) const RSA_13: &str = "1.3 full, RSA-2048";
pub(crate) const HYBRID_13: &str = "1.3 full, ECDSA P-256, X25519MLKEM768";
pub(crate) const RESUMED_13: &str = "1.3 resumed";
pub(crate) const RENEWED_13: &str = "1.3 resumed, with a new ticket";
pub(crate) const RESUMED_12: &str = "1.2 resumed";
pub(crate) const RENEWED_12: &str = "1.2 resumed, with a new ticket";
pub(crate) const AES_128: &str = "AES-128-GCM";
pub(crate) const MESSAGES: &str = "messages of 100 bytes";
pub(crate) const CONNECTION: &str = "an idle server's connection";
pub(crate) const ADAPTER: &str = "an idle server's connection, in the stream adapter";

pub(crate) fn rows() -> Vec<Row> {
    let handshake =
        |name, version, suite, key| Row { name, job: Job::new(Kind::Handshake, version, suite, key) };
    let resumed = |name, version, suite, session| {
        let mut row = handshake(name, version, suite, Key::P256);
        row.job.session = session;
        row
    };
    let of_kind = |name, kind, suite| Row { name, job: Job::new(kind, 13, suite, Key::P256) };
    let mut remembered = handshake(REMEMBERED_13, 13, 0x1301, Key::P256);
    remembered.job.remembers = true;
    let mut hybrid = handshake(HYBRID_13, 13, 0x1301, Key::P256);
    hybrid.job.group = Group::X25519MlKem768;
    let mut adapter = of_kind(ADAPTER, Kind::Memory, 0x1301);
    adapter.job.adapter = true;
    vec![
        handshake(ECDSA_13, 13, 0x1301, Key::P256),
        remembered,
        handshake(RSA_13, 13, 0x1301, Key::Rsa),
        handshake("1.3 full, ECDSA P-384", 13, 0x1301, Key::P384),
        handshake("1.3 full, Ed25519", 13, 0x1301, Key::Ed25519),
        hybrid,
        resumed(RESUMED_13, 13, 0x1301, Session::Resumed),
        resumed(RENEWED_13, 13, 0x1301, Session::Renewed),
        handshake("1.2 full, ECDSA P-256", 12, 0xc02b, Key::P256),
        handshake("1.2 full, RSA-2048", 12, 0xc02f, Key::Rsa),
        resumed(RESUMED_12, 12, 0xc02b, Session::Resumed),
        resumed(RENEWED_12, 12, 0xc02b, Session::Renewed),
        of_kind(AES_128, Kind::Bulk, 0x1301),
        of_kind("AES-256-GCM", Kind::Bulk, 0x1302),
        of_kind("ChaCha20-Poly1305", Kind::Bulk, 0x1303),
        of_kind(MESSAGES, Kind::Messages, 0x1301),
        of_kind(CONNECTION, Kind::Memory, 0x1301),
        adapter,
    ]
}

#[cfg(test)]
mod tests {
    use super::{PEERS, place, rows};

    #[test]
    fn no_row_and_no_peer_has_the_name_of_another() {
        let rows = rows();
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(rows.iter().position(|other| other.name == row.name), Some(number));
        }
        for (number, peer) in PEERS.iter().enumerate() {
            assert_eq!(place(peer.name), number);
        }
    }
}
