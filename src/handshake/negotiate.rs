//! The choices of a server, as pure functions of what both sides can do.

use super::context::Reply;
use crate::alert::AlertDescription;
use crate::config::{ClientConfig, Common, ServerConfig};
use crate::crypto::suite::{Aead, KeyExchange, Suite, Version};
use crate::error::Error;
use crate::fault::Fault;
use crate::identities::Named;
use crate::identity::Identity;
use crate::info::{Reason, Reasons};
use crate::question::Answer;
use crate::wire::{
    CertificateRequest12, CipherSuite, ClientCertificateType, ClientHello, Codes, DistinguishedName,
    EcPointFormat, KeyShareEntry, List, NamedGroup, ProtocolName, ProtocolVersion, PskKeyExchangeMode,
    SignatureScheme,
};
use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

/// A choice and the reason for it.
pub(crate) type Chosen<T> = (T, Reason);

/// The lists of a ClientHello that are asked again and again.
pub(crate) struct Offers<'a> {
    suites: Codes<'a, CipherSuite>,
    groups: Option<Codes<'a, NamedGroup>>,
    signatures: Signatures<'a>,
}

impl<'a> Offers<'a> {
    pub(crate) fn of(m: &ClientHello<'a>) -> Self {
        Self {
            suites: Codes::new(m.cipher_suites),
            groups: m.extensions.supported_groups.map(Codes::new),
            signatures: Signatures::new(
                m.extensions.signature_algorithms.unwrap_or_default(),
                m.extensions.signature_algorithms_cert,
            ),
        }
    }
}

/// What the peer verifies: in the handshake and, where it says so apart, in
/// certificates (RFC 9846 section 4.3.3).
pub(crate) struct Signatures<'a> {
    in_handshake: Codes<'a, SignatureScheme>,
    in_certificates: Option<Codes<'a, SignatureScheme>>,
}

impl<'a> Signatures<'a> {
    pub(crate) fn new(
        in_handshake: List<'a, SignatureScheme>,
        in_certificates: Option<List<'a, SignatureScheme>>,
    ) -> Self {
        Self { in_handshake: Codes::new(in_handshake), in_certificates: in_certificates.map(Codes::new) }
    }

    /// The first of these that can be shown; but one whose chain the peer verifies
    /// goes before one whose chain it does not (RFC 9846 section 4.5.1.2).
    fn first<'c, T>(
        &self,
        identities: impl IntoIterator<Item = &'c Arc<Identity>>,
        usable: impl Fn(&Identity) -> Result<T, Error>,
    ) -> Option<(Arc<Identity>, T)> {
        let verified = self.in_certificates.as_ref().unwrap_or(&self.in_handshake);
        let mut able = identities.into_iter().filter_map(|each| Some((each, usable(each).ok()?)));
        let first = able.next()?;
        let verifies =
            |(each, _): &(&Arc<Identity>, T)| each.is_signed_with(|scheme| verified.contains(scheme));
        let (identity, found) = if verifies(&first) { first } else { able.find(verifies).unwrap_or(first) };
        Some((Arc::clone(identity), found))
    }
}

/// The newest version of this server that the client offers; without
/// supported_versions it offers legacy_version and all before it (RFC 9846
/// section 4.3.1). Who mentions SSL 3.0 is refused (appendix D.5).
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

/// The suite of TLS 1.3: the first of this server that the client offers.
pub(crate) fn suite(common: &Common, offers: &Offers<'_>) -> Result<Chosen<&'static Suite>, Error> {
    let offered = &offers.suites;
    let both = common.suites.iter().copied().filter(|suite| suite.is_tls13() && offered.contains(suite.id));
    preferred(both, offered, Reason::FirstSuite).ok_or_else(|| no_suite(common, offered))
}

/// The first of this server's suites of TLS 1.3 that the client offers and that `fits`.
pub(crate) fn first_suite(
    common: &Common,
    offers: &Offers<'_>,
    fits: impl Fn(&Suite) -> bool,
) -> Option<&'static Suite> {
    let mut suites = common.suites.iter().copied().filter(|suite| suite.is_tls13() && fits(suite));
    suites.find(|suite| offers.suites.contains(suite.id))
}

/// The first of these suites, for that reason; but a client that puts ChaCha20
/// before all else that is known here says that AES is slow there, and is heeded.
fn preferred(
    mut suites: impl Iterator<Item = &'static Suite> + Clone,
    offered: &Codes<'_, CipherSuite>,
    first: Reason,
) -> Option<Chosen<&'static Suite>> {
    let is_chacha = |suite: &&Suite| suite.aead == Aead::ChaCha20Poly1305;
    let asks_for_chacha = || offered.iter().find_map(Suite::find).is_some_and(|suite| is_chacha(&suite));
    match suites.clone().find(is_chacha).filter(|_| asks_for_chacha()) {
        Some(chacha) => Some((chacha, Reason::ChaChaPreferred)),
        None => suites.next().map(|suite| (suite, first)),
    }
}

fn no_suite(common: &Common, offered: &Codes<'_, CipherSuite>) -> Error {
    nothing("cipher suite", names(common.suites.iter().map(|s| s.id)), names(offered.iter()))
}

/// What a server does about the key exchange.
pub(crate) enum Exchange<'a> {
    /// Agrees with this share.
    With(KeyShareEntry<'a>),
    /// Asks for a share of this group.
    Retry(NamedGroup),
    /// Agrees on nothing: a pre-shared key is all there is (psk_ke).
    None,
}

/// The first group of this server for which the client sent a share, or that is
/// worth a round trip, or else the first that the client supports.
pub(crate) fn exchange<'a>(
    config: &ServerConfig,
    groups: &List<'a, NamedGroup>,
    shares: &List<'a, KeyShareEntry<'a>>,
) -> Result<Chosen<Exchange<'a>>, Error> {
    let common = &config.common;
    let place = |group| common.groups.iter().position(|ours| *ours == group);
    let supported = || groups.iter().filter_map(place);
    let worth = |place: &usize| {
        common.groups.get(*place).is_some_and(|group| config.groups_worth_a_retry.contains(group))
    };
    let shared = shares.iter().filter_map(|share| Some((place(share.group)?, share)));
    let shared = shared.min_by_key(|(place, _)| *place);
    let before = |wanted: &usize| shared.as_ref().is_none_or(|(place, _)| wanted < place);
    let wanted = supported().filter(worth).min().filter(before);
    if let Some(group) = wanted.and_then(|place| common.groups.get(place)) {
        return Ok((Exchange::Retry(*group), Reason::WorthARoundTrip));
    }
    if let Some((_, share)) = shared {
        return Ok((Exchange::With(share), Reason::FirstShare));
    }
    match supported().min().and_then(|place| common.groups.get(place)) {
        Some(group) => Ok((Exchange::Retry(*group), Reason::NoShare)),
        None => Err(nothing("group", names(common.groups.iter()), names(groups.iter()))),
    }
}

/// What every ClientHello of TLS 1.3 must have (RFC 9846 sections 4.2.2 and 9.2):
/// signature_algorithms only where no pre-shared key may do without a certificate, and
/// groups only where it may not do without them (`psk_ke`), either.
pub(crate) fn check<'a>(
    m: &ClientHello<'a>,
    psk_ke: bool,
) -> Result<(List<'a, NamedGroup>, List<'a, KeyShareEntry<'a>>), Fault> {
    if m.compression_methods != [0] {
        return Err(Fault::NullCompressionMissing);
    }
    let missing = Fault::MissingExtensionInClientHello;
    match m.extensions.pre_shared_key {
        Some(_) => drop(m.extensions.psk_key_exchange_modes.ok_or(Fault::MissingPskModes)?),
        None => drop(m.extensions.signature_algorithms.ok_or(missing)?),
    }
    if psk_ke && m.extensions.supported_groups.is_none() && m.extensions.key_share.is_none() {
        return Ok((List::default(), List::default()));
    }
    let groups = m.extensions.supported_groups.ok_or(missing)?;
    let shares = m.extensions.key_share.ok_or(missing)?;
    check_shares(&groups, &shares)?;
    Ok((groups, shares))
}

/// Whether each share is of a group that the client supports, in that order
/// (RFC 9846 section 4.3.8). One walk over both lists.
fn check_shares(groups: &List<'_, NamedGroup>, shares: &List<'_, KeyShareEntry<'_>>) -> Result<(), Fault> {
    let mut groups = groups.iter();
    match shares.iter().all(|share| groups.any(|group| group == share.group)) {
        true => Ok(()),
        false => Err(Fault::ShareNotInGroups),
    }
}

/// The first protocol of this server that the client offers (RFC 7301 section
/// 3.2). Without a list on either side there is no choice, unless there must be.
pub(crate) fn alpn<'c>(
    common: &'c Common,
    offered: Option<List<'_, ProtocolName<'_>>>,
) -> Result<Option<&'c [u8]>, Fault> {
    let Some(offered) = offered.filter(|_| !common.alpn.is_empty()) else {
        return if common.requires_alpn { Err(Fault::NoAlpn) } else { Ok(None) };
    };
    let place = |theirs: ProtocolName<'_>| common.alpn.iter().position(|ours| ours.as_slice() == theirs.0);
    let chosen = offered.iter().filter_map(place).min().and_then(|place| common.alpn.get(place));
    chosen.map(|name| Some(name.as_slice())).ok_or(Fault::NoApplicationProtocol)
}

/// The protocol that the server chose, which this client offered.
pub(crate) fn chosen_alpn(
    common: &Common,
    chosen: Option<ProtocolName<'_>>,
) -> Result<Option<Box<[u8]>>, Fault> {
    match chosen {
        Some(name) if common.alpn.iter().any(|ours| ours == name.0) => Ok(Some(name.0.into())),
        Some(_) => Err(Fault::UnofferedAlpn),
        None if common.requires_alpn => Err(Fault::NoAlpn),
        None => Ok(None),
    }
}

/// Whether the client names a host of this server, where it must. Before a session
/// is looked at: whom the client wants is asked about in each handshake.
pub(crate) fn server_name(config: &ServerConfig, hello: &ClientHello<'_>) -> Result<(), Error> {
    if !config.requires_server_name {
        return Ok(());
    }
    let host = hello.extensions.server_name.and_then(|name| std::str::from_utf8(name).ok());
    let host = host.ok_or(Fault::NoServerName)?;
    let known = config.ask_certificate || !config.identities.named(host).is_empty();
    if known { Ok(()) } else { Err(Error::NoCertificate) }
}

/// The certificates that may be shown to a client. By them it is known which
/// sessions are this server's; only then one is chosen to sign with, where
/// nothing is resumed.
pub(crate) enum Certificates<'c> {
    /// The one that the application answered with.
    Given(Arc<Identity>),
    /// Those of the configuration.
    Own {
        /// Those that name the host.
        named: Named<'c>,
        config: &'c ServerConfig,
    },
}

/// The certificate that the application has given; `None` stands for the
/// configuration's own.
pub(crate) type Given = Option<Arc<Identity>>;

/// What the reply to [`Question::Certificate`](crate::Question::Certificate) means.
pub(crate) fn given(reply: Reply) -> Result<Given, Error> {
    match reply {
        Reply::Answered(Answer::Certificate(identity)) => Ok(Some(identity)),
        Reply::Configured => Ok(None),
        Reply::Answered(_) | Reply::Judged(_) => Err(Error::NoCertificate),
    }
}

impl<'c> Certificates<'c> {
    /// Those that [`given`] says.
    pub(crate) fn of(given: Given, config: &'c ServerConfig, m: &ClientHello<'_>) -> Self {
        let host = || m.extensions.server_name.and_then(|name| std::str::from_utf8(name).ok());
        match given {
            Some(identity) => Self::Given(identity),
            None => {
                let named = host().map(|host| config.identities.named(host)).unwrap_or_default();
                Self::Own { named, config }
            }
        }
    }

    /// Whether one of them has these names: a server where none has could not
    /// have begun the session (RFC 9846 section 4.7.1). Nothing is signed, so it
    /// does not matter with what.
    pub(crate) fn have_names(&self, names: &[u8; 32]) -> bool {
        match self {
            Self::Given(identity) => identity.names() == names,
            Self::Own { named, config } if named.is_empty() => {
                config.identities.all().any(|identity| identity.names() == names)
            }
            Self::Own { named, .. } => named.clone().any(|identity| identity.names() == names),
        }
    }

    /// The one to show, and what `usable` finds for it: the first that names the
    /// host and can sign, or else, unless the host must be named, the first that
    /// can sign.
    pub(crate) fn choose<T>(
        self,
        offers: &Offers<'_>,
        usable: impl Fn(&Identity) -> Result<T, Error>,
        reasons: &mut Reasons,
    ) -> Result<(Arc<Identity>, T), Error> {
        let (named, config) = match self {
            Self::Given(identity) => return usable(&identity).map(|found| (identity, found)),
            Self::Own { named, config } => (named, config),
        };
        if let Some(found) = offers.signatures.first(named.clone(), &usable) {
            reasons.certificate = Some(Reason::NamesTheHost);
            return Ok(found);
        }
        if !config.requires_server_name
            && let Some(found) = offers.signatures.first(config.identities.all(), &usable)
        {
            reasons.certificate = Some(Reason::FirstThatFits);
            return Ok(found);
        }
        // What the preferred one lacks says most.
        match named.clone().chain(config.identities.all()).next() {
            Some(preferred) => usable(preferred).and(Err(Error::NoCertificate)),
            None => Err(Error::NoCertificate),
        }
    }
}

/// The first scheme of this identity that the peer verifies in TLS 1.3.
pub(crate) fn scheme(identity: &Identity, signatures: &Signatures<'_>) -> Result<SignatureScheme, Error> {
    let offered = &signatures.in_handshake;
    let mut able = identity.schemes().iter().filter(|scheme| !ONLY_IN_CERTIFICATES.contains(scheme));
    able.find(|scheme| offered.contains(**scheme)).copied().ok_or_else(|| no_scheme(identity, offered))
}

/// The same for what a client offers.
pub(crate) fn scheme_of_hello(identity: &Identity, offers: &Offers<'_>) -> Result<SignatureScheme, Error> {
    scheme(identity, &offers.signatures)
}

/// The certificate that a client shows, and the scheme in which it signs, which
/// `scheme` finds in the server's request: the first that one of the named
/// authorities issued, or else the first. Without one it goes on as nobody, if it may.
pub(crate) fn client_identity(
    config: &ClientConfig,
    authorities: &List<'_, DistinguishedName<'_>>,
    signatures: &Signatures<'_>,
    scheme: impl Fn(&Identity) -> Result<SignatureScheme, Error>,
) -> Result<Option<(Arc<Identity>, SignatureScheme)>, Error> {
    let identities = config.identities();
    // Whoever has but one shows that one: the server may know its authority by another name.
    let named = match identities.len() {
        2.. if !authorities.is_empty() => {
            let authorities: HashSet<&[u8]> = authorities.iter().map(|name| name.0).collect();
            signatures.first(identities.iter().filter(|each| each.is_issued_by(&authorities)), &scheme)
        }
        _ => None,
    };
    match (named.or_else(|| signatures.first(identities, &scheme)), identities.first()) {
        // What the preferred one lacks says most.
        (None, Some(preferred)) if config.insists_on_identity => scheme(preferred).map(|_| None),
        (chosen, _) => Ok(chosen),
    }
}

/// Offered for the signatures in certificates; no CertificateVerify of TLS 1.3
/// may use them (RFC 9846 section 4.3.3).
const ONLY_IN_CERTIFICATES: [SignatureScheme; 3] =
    [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::RSA_PKCS1_SHA384, SignatureScheme::RSA_PKCS1_SHA512];

fn no_scheme(identity: &Identity, offered: &Codes<'_, SignatureScheme>) -> Error {
    nothing("signature scheme", names(identity.schemes()), names(offered.iter()))
}

/// The first suite of this server for TLS 1.2 that the client offers and that
/// this identity can serve, with a group where it needs one.
pub(crate) fn suite12(
    common: &Common,
    identity: &Identity,
    offers: &Offers<'_>,
) -> Result<(&'static Suite, KeyExchange, Reason), Error> {
    let signs = scheme_of_hello12(identity, offers);
    let group = group12(common, offers);
    let fits = |suite: &&Suite| match suite.version {
        Version::Tls13 => false,
        Version::Tls12(exchange @ (KeyExchange::EcdheEcdsa | KeyExchange::EcdheRsa)) => {
            group.is_ok() && signs.as_ref().is_ok_and(|scheme| exchange.signs_with(*scheme))
        }
        #[cfg(feature = "static-rsa")]
        Version::Tls12(KeyExchange::Rsa) => identity.decrypts(),
    };
    let offered = &offers.suites;
    let both = common.suites.iter().copied().filter(|suite| offered.contains(suite.id)).filter(fits);
    if let Some((suite, why)) = preferred(both, offered, Reason::FirstSuiteThatFits)
        && let Version::Tls12(exchange) = suite.version
    {
        return Ok((suite, exchange, why));
    }
    signs?;
    group?;
    Err(no_suite(common, offered))
}

/// The first group of this server that the client supports. One that says
/// nothing takes P-256 (RFC 8422 section 4).
pub(crate) fn group12(common: &Common, offers: &Offers<'_>) -> Result<Chosen<NamedGroup>, Error> {
    const SILENT: &[NamedGroup] = &[NamedGroup::SECP256R1];
    let silent = Codes::new(List::from(SILENT));
    let offered = offers.groups.as_ref().unwrap_or(&silent);
    let group = common.groups12().find(|group| offered.contains(*group));
    let group = group.ok_or_else(|| nothing("group", names(common.groups12()), names(offered.iter())))?;
    Ok((group, Reason::FirstGroup))
}

/// The first scheme of this identity that the client verifies in TLS 1.2. One
/// that says nothing takes SHA-1 alone, which is not signed here.
pub(crate) fn scheme_of_hello12(identity: &Identity, offers: &Offers<'_>) -> Result<SignatureScheme, Error> {
    let offered = &offers.signatures.in_handshake;
    let scheme = identity.schemes().iter().copied().find(|scheme| offered.contains(*scheme));
    let scheme = scheme.ok_or_else(|| no_scheme(identity, offered))?;
    // The curve of an ECDSA key is a matter of supported_groups (RFC 8422 section 5.3).
    match (curve(scheme), &offers.groups) {
        (Some(curve), Some(groups)) if !groups.contains(curve) => {
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
    signatures: &Signatures<'_>,
    request: &CertificateRequest12<'_>,
) -> Result<SignatureScheme, Error> {
    let kind = |scheme| match KeyExchange::EcdheEcdsa.signs_with(scheme) {
        true => ClientCertificateType::ECDSA_SIGN,
        false => ClientCertificateType::RSA_SIGN,
    };
    let offered = &signatures.in_handshake;
    let verified = || identity.schemes().iter().filter(|scheme| offered.contains(**scheme));
    let scheme = verified().find(|scheme| request.certificate_types.contains(&kind(**scheme)));
    scheme.copied().ok_or_else(|| match verified().next() {
        None => no_scheme(identity, offered),
        Some(scheme) => {
            nothing("certificate type", kind(*scheme).to_string(), names(request.certificate_types.iter()))
        }
    })
}

/// What both sides of TLS 1.2 look at in the other's hello: extensions that TLS 1.3
/// has no more. `secure` is whether it knows RFC 5746.
pub(crate) fn extensions12(
    common: &Common,
    renegotiation_info: Option<&[u8]>,
    secure: bool,
    extended_master_secret: bool,
    points: Option<List<'_, EcPointFormat>>,
) -> Result<(), Fault> {
    if renegotiation_info.is_some_and(|info| !info.is_empty()) {
        return Err(Fault::BadRenegotiationInfo);
    }
    if common.requires_renegotiation_info && !secure {
        return Err(Fault::NoRenegotiationInfo);
    }
    if common.requires_extended_master_secret && !extended_master_secret {
        return Err(Fault::NoExtendedMasterSecret);
    }
    if points.is_some_and(|formats| !formats.contains(&EcPointFormat::UNCOMPRESSED)) {
        return Err(Fault::NoUncompressedPoints);
    }
    Ok(())
}

/// Whether the client knows RFC 5746: it says so in an extension, or in a
/// suite's place (section 3.3).
pub(crate) fn secure_renegotiation(hello: &ClientHello<'_>) -> bool {
    hello.extensions.renegotiation_info.is_some()
        || hello.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV)
}

/// The client's ways to exchange keys beside pre-shared keys are not this server's.
pub(crate) fn no_psk_mode(psk_ke: bool, hello: &ClientHello<'_>) -> Error {
    let ours = [PskKeyExchangeMode::PSK_DHE_KE, PskKeyExchangeMode::PSK_KE];
    let offered = hello.extensions.psk_key_exchange_modes.unwrap_or_default();
    nothing("key exchange mode", names(ours.iter().take(1 + usize::from(psk_ke))), names(offered.iter()))
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
