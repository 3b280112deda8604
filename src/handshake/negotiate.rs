//! The choices of a server, as pure functions of what both sides can do.

use crate::alert::AlertDescription;
use crate::config::{Common, ServerConfig};
use crate::crypto::suite::{Aead, KeyExchange, Suite, Version};
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::wire::{
    CertificateRequest12, CipherSuite, ClientCertificateType, ClientHello, KeyShareEntry, List, NamedGroup,
    ProtocolName, ProtocolVersion, SignatureScheme,
};
use std::fmt::Display;
use std::sync::Arc;

/// A choice and the reason for it.
pub(crate) type Chosen<T> = (T, &'static str);

/// The newest version of this server that the client offers; without
/// supported_versions it offers legacy_version and all before it (RFC 8446
/// section 4.2.1). Who mentions SSL 3.0 is refused (appendix D.5).
pub(crate) fn version(common: &Common, hello: &ClientHello<'_>) -> Result<ProtocolVersion, Error> {
    if hello.legacy_version <= ProtocolVersion::SSL30 {
        return Err(Fault::OldVersion.into());
    }
    let legacy = [hello.legacy_version.min(ProtocolVersion::TLS12)];
    let offered = hello.extensions.supported_versions.unwrap_or(List::from(&legacy));
    let chosen = common.versions().find(|version| offered.contains(version));
    let Some(version) = chosen else {
        return Err(nothing("version", names(common.versions()), names(offered.iter())));
    };
    let best = common.versions().next();
    if best != Some(version) && hello.cipher_suites.contains(&CipherSuite::TLS_FALLBACK_SCSV) {
        return Err(Fault::InappropriateFallback.into());
    }
    Ok(version)
}

/// The first suite of this server that the client offers. A client that puts
/// ChaCha20 first says that AES is slow there, and is heeded.
pub(crate) fn suite(
    common: &Common,
    offered: &List<'_, CipherSuite>,
) -> Result<Chosen<&'static Suite>, Error> {
    let mut ours = common.suites.iter().copied().filter(|suite| suite.is_tls13());
    let first = offered.iter().find(|id| !id.is_grease());
    if let Some(chacha) = ours.clone().find(|s| s.aead == Aead::ChaCha20Poly1305 && Some(s.id) == first) {
        return Ok((chacha, "the client prefers ChaCha20-Poly1305, as one without AES instructions does"));
    }
    match ours.find(|suite| offered.contains(&suite.id)) {
        Some(suite) => Ok((suite, "the first of the server's suites that the client offers")),
        None => Err(no_suite(common, offered)),
    }
}

fn no_suite(common: &Common, offered: &List<'_, CipherSuite>) -> Error {
    nothing("cipher suite", names(common.suites.iter().map(|s| s.id)), names(offered.iter()))
}

/// What a server does about the key exchange.
pub(crate) enum Exchange<'a> {
    /// Agrees with this share.
    With(KeyShareEntry<'a>),
    /// Asks for a share of this group.
    Retry(NamedGroup),
}

/// The first group of this server for which the client sent a share, or else
/// the first that it supports: a round trip weighs more than a preference.
pub(crate) fn exchange<'a>(
    common: &Common,
    groups: &List<'a, NamedGroup>,
    shares: &List<'a, KeyShareEntry<'a>>,
) -> Result<Chosen<Exchange<'a>>, Error> {
    for group in common.groups.iter().filter(|group| groups.contains(group)) {
        if let Some(share) = shares.iter().find(|share| share.group == *group) {
            return Ok((
                Exchange::With(share),
                "the first of the server's groups for which the client sent a share",
            ));
        }
    }
    match common.groups.iter().find(|group| groups.contains(group)) {
        Some(group) => Ok((
            Exchange::Retry(*group),
            "the first of the server's groups that the client supports; it sent no share, so the server asked again",
        )),
        None => Err(nothing("group", names(common.groups.iter()), names(groups.iter()))),
    }
}

/// What every ClientHello of TLS 1.3 must have (RFC 8446 sections 4.1.2 and 9.2).
pub(crate) fn check<'a>(
    m: &ClientHello<'a>,
) -> Result<(List<'a, NamedGroup>, List<'a, KeyShareEntry<'a>>), Fault> {
    if m.compression_methods != [0] {
        return Err(Fault::NullCompressionMissing);
    }
    let missing = Fault::MissingExtensionInClientHello;
    m.extensions.signature_algorithms.ok_or(missing)?;
    if m.extensions.pre_shared_key.is_some() {
        m.extensions.psk_key_exchange_modes.ok_or(Fault::MissingPskModes)?;
    }
    let groups = m.extensions.supported_groups.ok_or(missing)?;
    let shares = m.extensions.key_share.ok_or(missing)?;
    check_shares(&groups, &shares)?;
    Ok((groups, shares))
}

/// Whether each share is of a group that the client supports, in that order
/// (RFC 8446 section 4.2.8). One walk over both lists.
fn check_shares(groups: &List<'_, NamedGroup>, shares: &List<'_, KeyShareEntry<'_>>) -> Result<(), Fault> {
    let mut groups = groups.iter();
    match shares.iter().all(|share| groups.any(|group| group == share.group)) {
        true => Ok(()),
        false => Err(Fault::ShareNotInGroups),
    }
}

/// The first protocol of this server that the client offers (RFC 7301
/// section 3.2). Without a list on either side there is no choice.
pub(crate) fn alpn<'c>(
    common: &'c Common,
    offered: Option<List<'_, ProtocolName<'_>>>,
) -> Result<Option<&'c [u8]>, Fault> {
    let Some(offered) = offered.filter(|_| !common.alpn.is_empty()) else { return Ok(None) };
    let chosen = common.alpn.iter().find(|ours| offered.iter().any(|theirs| theirs.0 == ours.as_slice()));
    chosen.map(|name| Some(name.as_slice())).ok_or(Fault::NoApplicationProtocol)
}

/// The certificate for this client: the first that names the host and can
/// sign for it, or else the first that can sign.
pub(crate) fn identity(
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    usable: impl Fn(&Identity) -> Result<(), Error>,
) -> Result<Chosen<Arc<Identity>>, Error> {
    let host = hello.extensions.server_name.and_then(|name| std::str::from_utf8(name).ok());
    let able = || config.identities.iter().filter(|identity| usable(identity).is_ok());
    let named = host.and_then(|host| able().find(|identity| identity.is_for(host)));
    match (named, able().next()) {
        (Some(identity), _) => {
            Ok((Arc::clone(identity), "it names the host, and its key fits the client's schemes"))
        }
        (None, Some(identity)) => Ok((
            Arc::clone(identity),
            "no certificate names the host: the first whose key fits the client's schemes",
        )),
        // What the preferred one lacks says most.
        (None, None) => Err(match config.identities.first().map(|identity| usable(identity)) {
            Some(Err(error)) => error,
            Some(Ok(())) | None => Error::NoCertificate,
        }),
    }
}

/// The first scheme of this identity that the peer verifies in TLS 1.3.
pub(crate) fn scheme(identity: &Identity, offered: &List<'_, SignatureScheme>) -> Option<SignatureScheme> {
    let able = identity.schemes().iter().copied();
    able.filter(|scheme| !ONLY_IN_CERTIFICATES.contains(scheme)).find(|scheme| offered.contains(scheme))
}

/// Offered for the signatures in certificates; no CertificateVerify of TLS 1.3
/// may use them (RFC 8446 section 4.2.3).
const ONLY_IN_CERTIFICATES: [SignatureScheme; 3] =
    [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::RSA_PKCS1_SHA384, SignatureScheme::RSA_PKCS1_SHA512];

/// The error for a client with which this server shares no signature scheme.
pub(crate) fn no_scheme(identity: &Identity, offered: &List<'_, SignatureScheme>) -> Error {
    nothing("signature scheme", names(identity.schemes()), names(offered.iter()))
}

/// The first suite of this server for TLS 1.2 that the client offers and that
/// this identity can serve, with a group where it needs one.
pub(crate) fn suite12(
    common: &Common,
    identity: &Identity,
    hello: &ClientHello<'_>,
) -> Result<(&'static Suite, KeyExchange, &'static str), Error> {
    let signs = scheme_of_hello12(identity, hello);
    let group = group12(common, hello);
    let fits = |exchange: KeyExchange| match exchange {
        KeyExchange::EcdheEcdsa | KeyExchange::EcdheRsa => {
            group.is_ok() && signs.as_ref().is_ok_and(|scheme| exchange.signs_with(*scheme))
        }
        #[cfg(feature = "static-rsa")]
        KeyExchange::Rsa => identity.decrypts(),
    };
    for suite in common.suites.iter().copied().filter(|suite| hello.cipher_suites.contains(&suite.id)) {
        if let Version::Tls12(exchange) = suite.version
            && fits(exchange)
        {
            return Ok((
                suite,
                exchange,
                "the first of the server's suites that the client offers and the certificate fits",
            ));
        }
    }
    signs?;
    group?;
    Err(no_suite(common, &hello.cipher_suites))
}

/// The first group of this server that the client supports. One that says
/// nothing takes P-256 (RFC 8422 section 4).
pub(crate) fn group12(common: &Common, hello: &ClientHello<'_>) -> Result<Chosen<NamedGroup>, Error> {
    const SILENT: &[NamedGroup] = &[NamedGroup::SECP256R1];
    let offered = hello.extensions.supported_groups.unwrap_or(List::from(SILENT));
    let group = common.groups12().find(|group| offered.contains(group));
    let group = group.ok_or_else(|| nothing("group", names(common.groups12()), names(offered.iter())))?;
    Ok((group, "the first of the server's groups that the client supports"))
}

/// The first scheme of this identity that the client verifies in TLS 1.2. One
/// that says nothing takes SHA-1 alone, which is not signed here.
pub(crate) fn scheme_of_hello12(
    identity: &Identity,
    hello: &ClientHello<'_>,
) -> Result<SignatureScheme, Error> {
    let offered = hello.extensions.signature_algorithms.unwrap_or_default();
    let scheme = identity.schemes().iter().copied().find(|scheme| offered.contains(scheme));
    let scheme = scheme.ok_or_else(|| no_scheme(identity, &offered))?;
    // The curve of an ECDSA key is a matter of supported_groups (RFC 8422 section 5.3).
    match (curve(scheme), hello.extensions.supported_groups) {
        (Some(curve), Some(groups)) if !groups.contains(&curve) => {
            Err(nothing("group", format!("{curve} for its certificate"), names(groups.iter())))
        }
        _ => Ok(scheme),
    }
}

/// The curve of the keys with which this side signs so.
fn curve(scheme: SignatureScheme) -> Option<NamedGroup> {
    match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256 => Some(NamedGroup::SECP256R1),
        SignatureScheme::ECDSA_SECP384R1_SHA384 => Some(NamedGroup::SECP384R1),
        _ => None,
    }
}

/// The first scheme of this identity that the server verifies in TLS 1.2, with a
/// certificate of a kind that it takes (RFC 5246 section 7.4.4, RFC 8422 section 5.5).
pub(crate) fn scheme_of_request12(
    identity: &Identity,
    request: &CertificateRequest12<'_>,
) -> Option<SignatureScheme> {
    let kind = |scheme| match KeyExchange::EcdheEcdsa.signs_with(scheme) {
        true => ClientCertificateType::ECDSA_SIGN,
        false => ClientCertificateType::RSA_SIGN,
    };
    let takes = |scheme: &SignatureScheme| {
        request.signature_algorithms.contains(scheme) && request.certificate_types.contains(&kind(*scheme))
    };
    identity.schemes().iter().copied().find(takes)
}

/// Whether the client knows RFC 5746: it says so in an extension, or in a
/// suite's place (section 3.3).
pub(crate) fn secure_renegotiation(hello: &ClientHello<'_>) -> bool {
    hello.extensions.renegotiation_info.is_some()
        || hello.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV)
}

fn nothing(what: &'static str, ours: String, theirs: String) -> Error {
    let alert = match what {
        "version" => AlertDescription::PROTOCOL_VERSION,
        _ => AlertDescription::HANDSHAKE_FAILURE,
    };
    Error::NothingInCommon { what, ours, theirs, alert }
}

/// The names of at most 16 values: a peer may send thousands.
fn names<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let mut values = values.into_iter();
    let shown: Vec<String> = values.by_ref().take(16).map(|value| value.to_string()).collect();
    match (shown.is_empty(), values.next()) {
        (true, _) => "nothing".to_owned(),
        (false, None) => shown.join(", "),
        (false, Some(_)) => format!("{}, …", shown.join(", ")),
    }
}
