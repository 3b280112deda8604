//! What a server remembers over a HelloRetryRequest, in the connection or in
//! a cookie (RFC 9846 sections 4.2.4 and 4.3.2).
//!
//! ```text
//!   cookie = format (1) suite (2) group (2) resumes (1) time (8) invariants (32)
//!            Hash(ClientHello1) (32 or 48) tag (32)
//!   tag    = HMAC-SHA256(key, LABEL and all before it)
//! ```

use super::context::Cx;
use super::{negotiate, pre_shared};
use crate::config::ServerConfig;
use crate::crypto::kdf::{Digest, Hasher, hmac};
use crate::crypto::secret::Secret;
use crate::crypto::suite::{Hash, Suite};
use crate::error::Error;
use crate::fault::Fault;
use crate::limits;
use crate::schedule::transcript::Transcript;
use crate::wire::{
    Body, CipherSuite, ClientHello, ExtensionType, HelloRetryRequest, KeyShareEntry, NamedGroup,
    ProtocolVersion, Reader, RetryExtensions, Writer,
};
use std::sync::Arc;

/// What the key authenticates here, and nowhere else.
const LABEL: &[u8] = b"handfast HelloRetryRequest cookie\0";

/// The first byte: another one is another release's.
const FORMAT: u8 = 1;

/// The choices of a HelloRetryRequest, and what the second ClientHello is held against.
pub(crate) struct Memory {
    pub(crate) suite: &'static Suite,
    pub(crate) group: NamedGroup,
    /// The first ClientHello had a pre-shared key for this suite that this server knows.
    pub(crate) resumes: bool,
    pub(crate) invariants: Digest,
    pub(crate) first_hello: Digest,
}

impl Memory {
    /// Writes the cookie; `now` is in seconds since 1970.
    pub(crate) fn to_cookie(&self, key: &Secret, now: u64) -> Vec<u8> {
        let mut cookie = Vec::with_capacity(128);
        cookie.push(FORMAT);
        cookie.extend_from_slice(&self.suite.id.0.to_be_bytes());
        cookie.extend_from_slice(&self.group.0.to_be_bytes());
        cookie.push(self.resumes.into());
        cookie.extend_from_slice(&now.to_be_bytes());
        cookie.extend_from_slice(self.invariants.as_bytes());
        cookie.extend_from_slice(self.first_hello.as_bytes());
        let tag = hmac(Hash::Sha256, key.as_bytes(), &[LABEL, &cookie]);
        cookie.extend_from_slice(tag.as_bytes());
        cookie
    }

    /// What a cookie says that came with this ClientHello: its key says who made
    /// it, and this configuration whether it may be.
    pub(crate) fn recall(config: &ServerConfig, cookie: &[u8], m: &ClientHello<'_>) -> Result<Self, Error> {
        let key = config.retry_cookie.as_ref().ok_or(Fault::BadCookie)?;
        let memory = Self::from_cookie(key, cookie, config.common.now().as_secs())?;
        let (suite, _) = pre_shared::suite(config, m)?;
        match suite == memory.suite && config.common.groups.contains(&memory.group) {
            true => Ok(memory),
            false => Err(Fault::BadCookie.into()),
        }
    }

    /// Reads a cookie that this server, or another with its key, made not
    /// longer than [`limits::COOKIE_SECONDS`] ago.
    fn from_cookie(key: &Secret, cookie: &[u8], now: u64) -> Result<Self, Fault> {
        let content = cookie.len().checked_sub(Hash::Sha256.len()).ok_or(Fault::BadCookie)?;
        let (content, tag) = cookie.split_at_checked(content).ok_or(Fault::BadCookie)?;
        if !hmac(Hash::Sha256, key.as_bytes(), &[LABEL, content]).ct_eq(tag) {
            return Err(Fault::BadCookie);
        }
        let mut r = Reader::new(content);
        if r.u8()? != FORMAT {
            return Err(Fault::BadCookie);
        }
        let suite = Suite::find(CipherSuite(r.u16()?)).ok_or(Fault::BadCookie)?;
        let group = NamedGroup(r.u16()?);
        let resumes = r.u8()? != 0;
        let made = u64::from_be_bytes(*r.array()?);
        let invariants = Digest::new(r.take(Hash::Sha256.len())?);
        let first_hello = Digest::new(r.take(suite.hash.len())?);
        r.finish()?;
        if now.checked_sub(made).is_none_or(|age| age > limits::COOKIE_SECONDS) {
            return Err(Fault::BadCookie);
        }
        Ok(Self { suite, group, resumes, invariants, first_hello })
    }
}

/// A HelloRetryRequest is out.
pub(crate) struct Retry {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) memory: Memory,
    pub(crate) transcript: Transcript,
    pub(crate) cookie: Vec<u8>,
}

impl Retry {
    /// Sends it.
    pub(crate) fn ask(
        config: Arc<ServerConfig>,
        memory: Memory,
        session_id: &[u8],
        cx: &mut Cx<'_>,
    ) -> Result<Self, Error> {
        let now = config.common.now().as_secs();
        let cookie = config.retry_cookie.as_ref().map(|key| memory.to_cookie(key, now)).unwrap_or_default();
        let mut transcript = Transcript::after_first_hello(memory.suite.hash, &memory.first_hello);
        transcript.add(cx.send(Body::HelloRetryRequest(request(&memory, session_id, &cookie)))?);
        if !session_id.is_empty() {
            cx.send_change_cipher_spec()?;
        }
        Ok(Self { config, memory, transcript, cookie })
    }

    /// From a cookie, on a connection that does not remember sending it.
    pub(crate) fn recall(
        config: Arc<ServerConfig>,
        cookie: &[u8],
        m: &ClientHello<'_>,
    ) -> Result<Self, Error> {
        let memory = Memory::recall(&config, cookie, m)?;
        let mut transcript = Transcript::after_first_hello(memory.suite.hash, &memory.first_hello);
        let mut sent = Vec::new();
        let mut writer = Writer::new(&mut sent);
        Body::HelloRetryRequest(request(&memory, m.session_id, cookie)).encode(&mut writer);
        writer.finish().map_err(|_| Fault::BadCookie)?;
        transcript.add(&sent);
        Ok(Self { memory, transcript, cookie: cookie.to_vec(), config })
    }

    /// The share of the second ClientHello, which differs from the first as it was
    /// asked to, and no further.
    pub(crate) fn second_hello<'a>(&self, m: &ClientHello<'a>) -> Result<KeyShareEntry<'a>, Fault> {
        if m.extensions.cookie.unwrap_or_default() != self.cookie {
            return Err(Fault::BadCookie);
        }
        let (groups, shares) = negotiate::check(m, false)?;
        if m.extensions.early_data || invariants(m).as_bytes() != self.memory.invariants.as_bytes() {
            return Err(Fault::SecondHelloDiffers);
        }
        if self.memory.resumes && m.extensions.pre_shared_key.is_none() {
            return Err(Fault::PskLeftOut);
        }
        let mut shares = shares.iter();
        match (shares.next(), shares.next()) {
            (Some(share), None) if share.group == self.memory.group && groups.contains(&share.group) => {
                Ok(share)
            }
            _ => Err(Fault::SecondHelloDiffers),
        }
    }
}

/// The message that asks for what is remembered.
fn request<'a>(memory: &Memory, session_id: &'a [u8], cookie: &'a [u8]) -> HelloRetryRequest<'a> {
    HelloRetryRequest {
        legacy_version: ProtocolVersion::TLS12,
        session_id,
        cipher_suite: memory.suite.id,
        compression_method: 0,
        extensions: RetryExtensions {
            supported_versions: Some(ProtocolVersion::TLS13),
            cookie: (!cookie.is_empty()).then_some(cookie),
            key_share: Some(memory.group),
            ..RetryExtensions::default()
        },
    }
}

/// A hash of all that may not differ between two ClientHellos: everything but
/// key_share, cookie, early_data, pre_shared_key and padding (RFC 9846 section 4.2.2).
pub(crate) fn invariants(m: &ClientHello<'_>) -> Digest {
    let mut hash = Hasher::new(Hash::Sha256);
    let mut part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(&m.legacy_version.0.to_be_bytes());
    part(m.random);
    part(m.session_id);
    m.cipher_suites.iter().for_each(|suite| part(&suite.0.to_be_bytes()));
    part(m.compression_methods);
    const MAY_DIFFER: [ExtensionType; 5] = [
        ExtensionType::KEY_SHARE,
        ExtensionType::COOKIE,
        ExtensionType::EARLY_DATA,
        ExtensionType::PRE_SHARED_KEY,
        ExtensionType::PADDING,
    ];
    for (extension, body) in m.raw_extensions().filter(|(id, _)| !MAY_DIFFER.contains(id)) {
        part(&extension.0.to_be_bytes());
        part(body);
    }
    hash.finish()
}
