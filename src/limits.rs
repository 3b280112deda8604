//! Everything that a peer or a file can repeat or enlarge, each bound with its reason.

use std::time::Duration;

/// Plaintext bytes in a record: the protocol's own bound (RFC 9846 section 5.1).
pub const RECORD_PLAINTEXT: usize = 1 << 14;

/// The least content of a full record that a configuration may ask for: each
/// record costs its header, its tag and a pass through the cipher.
pub const LEAST_RECORD: usize = 512;

/// Content of a record that fits into one TCP segment, where records begin small: a
/// segment carries 1,428 bytes over IPv6 with timestamps, and tunnels take some; of
/// 1,400 a record's header, nonce, content type and tag are taken off.
/// See [`ClientConfig::dynamic_record_size`](crate::ClientConfig::dynamic_record_size).
pub const SMALL_RECORD: usize = 1_400 - RECORD_HEADER - 8 - 1 - 16;

/// Records that are so small at first: what TCP sends in its first two round trips,
/// ten segments and twenty (RFC 6928). Then it has so much on its way that nobody
/// waits for the end of a record.
pub const SMALL_RECORDS: u8 = 30;

/// Bytes of a TLS 1.3 record after its header: plaintext, content type and at
/// most 255 bytes of expansion (RFC 9846 section 5.2).
pub const RECORD_CIPHERTEXT_13: usize = RECORD_PLAINTEXT + 256;

/// The same in TLS 1.2 (RFC 5246 section 6.2.3).
pub const RECORD_CIPHERTEXT_12: usize = RECORD_PLAINTEXT + 2048;

/// Bytes of a record's header (RFC 9846 section 5.1).
pub const RECORD_HEADER: usize = 5;

/// A handshake message before the peer is known. The protocol allows 16 MiB;
/// no honest ClientHello comes near to 64 KiB, and memory is the peer's to ask for.
pub const HANDSHAKE_MESSAGE: usize = 64 * 1024;

/// A Certificate message: ten certificates with long lists of names fit.
pub const CERTIFICATE_MESSAGE: usize = 100 * 1024;

/// A message that is a key, a signature or both: RSA's largest have 1024 octets, and
/// a signature of ML-DSA-87, which a peer may send though nobody asks for it, 4627.
pub const KEY_MESSAGE: usize = 8 * 1024;

/// The messages of a TLS 1.2 handshake that are kept because a CertificateVerify
/// signs them all (RFC 5246 section 7.4.8): the longest ClientHello, the longest
/// Certificate and a key are less, and leave room for this side's flight.
pub const SIGNED_MESSAGES: usize = 256 * 1024;

/// Certificates in a chain that a peer sends, if nothing else is said: public
/// chains have two to four. See [`ClientConfig::longest_chain`](crate::ClientConfig::longest_chain).
pub const CHAIN_CERTIFICATES: usize = 10;

/// The most that may be said there: as many as a path may have.
pub const CHAIN_CERTIFICATES_MOST: usize = CHAIN_DEPTH_MOST;

/// Empty application data records without progress between them: they cost
/// the sender nothing (refilled by data or a handshake message).
pub const EMPTY_RECORDS: u8 = 32;

/// Warning alerts without progress between them.
pub const WARNING_ALERTS: u8 = 4;

/// ChangeCipherSpec records in a TLS 1.3 handshake. One is sent by a peer in
/// middlebox compatibility mode, two around a HelloRetryRequest (RFC 9846 E.4).
pub const CHANGE_CIPHER_SPECS: u8 = 2;

/// KeyUpdates without application data between them: each costs two key schedules.
pub const KEY_UPDATES: u8 = 32;

/// HelloRequests that a client of TLS 1.2 passes over, in the handshake and then
/// without application data between them (RFC 5246 section 7.4.1.1): one before
/// each message of a server's longest flights.
pub const HELLO_REQUESTS: u8 = 16;

/// Tickets of one server that a client keeps, the newest; and those that a server
/// sends at most.
pub const TICKETS_KEPT: u8 = 8;

/// Tickets read without application data between them: whoever sends more is taken
/// for a flood. Each costs a key derivation.
pub const TICKETS_READ: u8 = 64;

/// Seconds for which a ticket can be taken at most, and a peer is trusted without
/// its certificate: seven days (RFC 9846 section 4.7.1).
pub const TICKET_SECONDS: u32 = 7 * 24 * 60 * 60;

/// Seconds for which a server takes a ticket if nothing else is said: whoever was
/// let in is looked at again the next day.
pub const TICKET_LIFETIME: u32 = 24 * 60 * 60;

/// Seconds for which a server's own key encrypts tickets if nothing else is said:
/// what it sealed can be read by who gets it later.
pub const TICKET_KEY_ROTATION: u32 = TICKET_LIFETIME / 2;

/// Bytes of a ticket that a client keeps: it sends it again in its ClientHello.
pub const TICKET_BYTES: usize = 16 * 1024;

/// Bytes that a server seals into a ticket, the client's chain among them: all
/// tickets of a connection have room in its outbox, beside data. A client with
/// a longer chain gets none.
pub const TICKET_CONTENTS: usize = 6 * 1024;

/// Seconds for which a client offers a session by its id, of which its server says no
/// more: the limit that RFC 5246 section F.1.4 suggests.
pub const SESSION_ID_SECONDS: u32 = 24 * 60 * 60;

/// Sessions that a server keeps in memory under their ids, if nothing else is said: a
/// busy one has some ten new clients a second who use no tickets, and each comes back
/// within hours.
pub const SESSIONS_CACHED: usize = 100_000;

/// Octets of all of them, if nothing else is said: so many sessions without client
/// certificates fit.
pub const SESSION_OCTETS_CACHED: usize = 64 * 1024 * 1024;

/// What a session takes there beside its own octets: the nodes of two trees, which
/// are half full at worst.
pub const SESSION_OVERHEAD: usize = 256;

/// Writes that wait for a store which is elsewhere: what the handshakes of a second
/// leave, while the store is slow. As many sessions again may wait to be forgotten.
pub const SESSION_WRITES: usize = 8_192;

/// Octets of the sessions among them.
pub const SESSION_OCTETS_WRITTEN: usize = 8 * 1024 * 1024;

/// Pre-shared keys of a ClientHello at which a server looks: clients offer one
/// or two, and each costs a decryption.
pub const PSK_IDENTITIES: usize = 8;

/// Bytes of the identities and binders that a client offers beside a session: with
/// a ticket of [`TICKET_BYTES`] a ClientHello is no longer than servers take.
pub const PSK_OFFERED: usize = 32 * 1024;

/// The least bytes of a pre-shared key's secret: 128 bits (RFC 9257 section 6). With
/// less, whoever records a handshake finds it at home.
pub const PSK_SECRET: usize = 16;

/// Names of servers for which a client keeps sessions.
pub const SESSION_NAMES: usize = 256;

/// Bytes of a client's sessions outside of the process: of as many servers as are kept
/// ([`SESSION_NAMES`]), each with the usual chain and two tickets, that is half, and it
/// is read whole before it is believed.
pub const EXPORTED_SESSIONS: usize = 4 * 1024 * 1024;

/// Early data, in bytes, that a server which refused it passes over unread (RFC
/// 9846 section 4.3.10), each record's expansion included. A ticket that allows
/// no more than 14 KiB, as those of widespread servers do, fits into it. Where the
/// server's own tickets allow more, it passes over [`EARLY_DATA_EXPANDED`] times that.
pub const EARLY_DATA_SKIPPED: u32 = 16 * 1024;

/// What early data can be on the wire for each byte that a ticket allows: twice as
/// much, in records of as many bytes as a record's content type and tag, 17.
pub const EARLY_DATA_EXPANDED: u32 = 2;

/// Seconds by which the age of a ticket may differ from what its client says, if
/// nothing else is said: on the way to clients of the Internet (RFC 9846 section 8.3).
pub const EARLY_DATA_WINDOW: u64 = 10;

/// Entries of a register of replays in memory, if nothing else is said: 13,000
/// connections in each second, which one machine hardly resumes, each for twice
/// [`EARLY_DATA_WINDOW`]. They take 20 MiB.
pub const REPLAYS: usize = 1 << 18;

/// Bytes of an outbox while a handshake is going on: the largest flight is
/// our own certificate chain.
pub const OUTBOX_HANDSHAKE: usize = 128 * 1024;

/// Records that an outbox holds in bulk before it asks to be drained.
pub const OUTBOX_RECORDS: usize = 4;

/// Bytes of an outbox that are always kept for one alert, with the close_notify that
/// may go with it, and one KeyUpdate, so that all can be queued while the peer does
/// not read.
pub const OUTBOX_RESERVE: usize = 256;

/// What the search for a path may cost, in octets looked at: a certificate that
/// is read, a name that is compared, a step and a signature each cost what they
/// take. It is a hundred signatures of the usual keys, and no more than ten
/// milliseconds or so: the peer is not known yet.
pub const CHAIN_COST: usize = 5_000_000;

/// Signatures that a verifier remembers: the authorities of the web have some
/// hundred intermediates, and a peer's own are few. They take 32 octets each.
pub const REMEMBERED_SIGNATURES: usize = 1_024;

/// The same for putting a refusal into words, beside what the search left.
pub const CHAIN_COST_OF_WORDS: usize = CHAIN_COST / 10;

/// What verifying a signature of P-256, Ed25519 or RSA-2048 costs, in octets;
/// larger keys cost more.
pub const SIGNATURE_COST: usize = 48_000;

/// Certificates on one path, leaf and root among them, if nothing else is said.
/// See [`Verifier::with_longest_path`](crate::pki::Verifier::with_longest_path).
pub const CHAIN_DEPTH: usize = 20;

/// The most that may be said there: the signatures of such a path can be paid for
/// ([`CHAIN_COST`]), and the search goes no deeper on the stack.
pub const CHAIN_DEPTH_MOST: usize = 64;

/// Bases of one certificate's name constraints: an authority that is held to
/// names is held to some, and each is sorted among the others.
pub const CONSTRAINTS: usize = 2_048;

/// Octets of an email address: 64 before the `@` and 255 behind it (RFC 5321
/// section 4.5.3.1).
pub const EMAIL_ADDRESS: usize = EMAIL_LOCAL_PART + 1 + 255;

/// Octets of an email address before the `@` (RFC 5321 section 4.5.3.1.1).
pub const EMAIL_LOCAL_PART: usize = 64;

/// Common names of a certificate that are held against its other names: there
/// should be one at most (BR 7.1.4.3).
pub const COMMON_NAMES: usize = 4;

/// Seconds that a list's or an OCSP response's thisUpdate may be ahead of this
/// side's clock: clocks that nobody keeps by a second differ by less than five
/// minutes, and a statement made a moment ago is no lie on one that is behind.
pub const CLOCK_SKEW: i64 = 300;

/// What one AES-GCM key protects, in pieces of [`AES_GCM_PIECE`] octets, before
/// this side updates it, or in TLS 1.2, which has no other, ends the connection:
/// 2^24.5 records of 2^14 octets are allowed (RFC 9846 section 5.5). Blocks make
/// the limit, not records, so that small records last longer. What the peer
/// protects is its own to count: receivers SHOULD NOT enforce the limit.
pub const AES_GCM_PIECES: u32 = 1_518_500_249;

/// Octets of such a piece, of which a record's last may have fewer.
pub const AES_GCM_PIECE: usize = 256;

/// Records that one ChaCha20-Poly1305 key protects: the sequence number would
/// wrap before a limit is reached (RFC 9846 section 5.5).
pub const CHACHA_RECORDS: u64 = 1 << 48;

/// Seconds for which the cookie of a HelloRetryRequest is taken: the second
/// ClientHello follows at once, and an old cookie could only be replayed.
pub const COOKIE_SECONDS: u64 = 60;

/// Time for a handshake, if nothing else is said, where a connector or an acceptor
/// does it: round trips over the worst lines, with packets lost and sent again, are
/// done in it, and a peer that says nothing keeps its memory no longer.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Connections that a listener has accepted and whose handshakes are not done: before
/// its ClientHello each takes some 4 KiB, so that they take 64 MiB, and whoever keeps
/// others out by saying nothing must open as many within [`HANDSHAKE_TIME`].
pub const CONNECTIONS_IN_LINE: usize = 16_384;

/// Handshakes on which an acceptor works at once, if nothing else is said: what waits
/// for an answer of the application, or for a processor, holds some 30 KiB, and a
/// thousand of them 32 MiB.
pub const HANDSHAKES_AT_ONCE: usize = 1_024;

/// Bytes of a file of certificates, roots or keys that is read again and again: the
/// bundles of a system's roots have less than one MiB, with words for people beside
/// them two.
pub const FILE_BYTES: usize = 4 * 1024 * 1024;

/// Entries of a directory of certificates: each is read whole at each look.
pub const DIRECTORY_ENTRIES: usize = 10_000;

/// How long files are left alone that were seen to change, before they are looked at
/// again: who writes a chain and its key does so within milliseconds.
pub const FILES_SETTLE: Duration = Duration::from_millis(500);

/// Looks at files that are never the same twice before they are taken as they are:
/// what changes for ever would else never be told.
pub const UNSETTLED_LOOKS: u32 = 10;

/// Bytes of application data that are thrown away while this side waits for the
/// peer's close_notify behind its own: what was on its way in a window of TCP's.
pub const DATA_AFTER_CLOSE: usize = 64 * 1024;

/// Time for an answer of the store that a fleet shares, if nothing else is said: one in the
/// same hall takes less than a millisecond, and a handshake that waits for it in vain costs
/// its client no more than a round trip does.
pub const FLEET_TIMEOUT: Duration = Duration::from_millis(50);

/// The most that may be said there: a store that takes longer is away.
pub const FLEET_TIMEOUT_MOST: Duration = Duration::from_secs(5);

/// How far the clocks of two machines of a fleet may be apart, if nothing else is said: those
/// that a time server keeps differ by some ten milliseconds, and by a second soon after
/// a start. An entry of the register lives for so much longer.
pub const FLEET_CLOCK_SKEW: Duration = Duration::from_secs(2);

/// What clocks in whole seconds add to that.
pub const WHOLE_SECOND: Duration = Duration::from_secs(1);

/// Questions that wait for the store that a fleet shares, some 200 bytes each: as many as
/// handshakes that an acceptor works on at once. The next one is answered at once, as where
/// the store is away.
pub const FLEET_IN_LINE: usize = HANDSHAKES_AT_ONCE;

/// Questions that go to that store together: their answers are 2 MiB at most, each a
/// session of [`TICKET_BYTES`].
pub const FLEET_TOGETHER: usize = 128;

/// How long that store is left alone when it was away, before it is looked for again; and
/// then twice as long each time, up to [`FLEET_PAUSE_MOST`]. Meanwhile no handshake waits.
pub const FLEET_PAUSE: Duration = Duration::from_millis(100);

/// The longest such pause: it is back for so long before it is found to be.
pub const FLEET_PAUSE_MOST: Duration = Duration::from_secs(5);

/// How often the register of a fleet is looked at where nobody asks it: a change of the
/// store's settings or clock is told so soon.
pub const FLEET_LOOK: Duration = Duration::from_secs(5);

/// Generations of a fleet's ticket keys that a machine holds: each is tried by its name
/// only, but each is read again and again.
pub const FLEET_GENERATIONS: usize = 32;

/// Bytes of the names that a fleet's keys have in their store begin with.
pub const FLEET_PREFIX: usize = 64;
