//! One table: each rule that a certificate can break, the alert that answers
//! it, the section that states it, and what it requires. A profile is a choice
//! of rules.

use crate::alert::AlertDescription;
use crate::said::debug_is_display;
use std::fmt;
use std::str::FromStr;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident, $scope:ident, $alert:ident, $section:literal, $required:literal;)*) => {
        /// A rule about certificates.
        ///
        /// ```
        /// use handfast::{AlertDescription, pki::Rule};
        /// let rule: Rule = "HostName".parse()?;
        /// assert_eq!(rule.section(), "RFC 9525 6");
        /// assert_eq!(rule.required(), "the server's name among the names of the certificate");
        /// assert_eq!(rule.alert(), AlertDescription::BAD_CERTIFICATE);
        /// # Ok::<(), handfast::pki::UnknownName>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs)] // each row says what it requires
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// Every row of the table, in its order.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule,)*];

            /// Its name, such as `Validity`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => stringify!($rule),)* }
            }

            /// The alert that the peer is sent when it is broken.
            pub const fn alert(self) -> AlertDescription {
                match self { $(Self::$rule => AlertDescription::$alert,)* }
            }

            /// The section that states it; `BR` is the CA/Browser Forum's
            /// Baseline Requirements.
            pub const fn section(self) -> &'static str {
                match self { $(Self::$rule => $section,)* }
            }

            /// What it requires.
            pub const fn required(self) -> &'static str {
                match self { $(Self::$rule => $required,)* }
            }

            const fn scope(self) -> Scope {
                match self { $(Self::$rule => Scope::$scope,)* }
            }
        }
    };
}

/// Which profiles a rule belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Every profile: trust depends on it, and nobody can leave it out.
    Core,
    /// Every profile; a private authority's application may relax it.
    Common,
    /// `webpki` and `strict`: what public authorities keep, and private ones often do not.
    Web,
    /// `strict` alone.
    Strict,
    /// None: only where it is asked for by name.
    Named,
}

rules! {
    // The path. The order is that of their weight: where several are broken,
    // the first one is said first.
    Readable,           Core, BAD_CERTIFICATE, "RFC 5280 4.1", "a well-formed certificate";
    Budget,             Core, BAD_CERTIFICATE, "RFC 4158 2.4", "a path that is found within the limits of the search";
    Trust,              Core, UNKNOWN_CA, "RFC 5280 6.1", "a path to a trusted root";
    ExactLeaf,          Core, BAD_CERTIFICATE, "the configuration", "exactly the certificate that was given";
    Pin,                Core, BAD_CERTIFICATE, "RFC 7469 2.6", "a public key whose SHA-256 is pinned";
    Signature,          Core, BAD_CERTIFICATE, "RFC 5280 6.1.3 (a)(1)", "a signature that the issuer's key made";
    SignatureAlgorithm, Core, BAD_CERTIFICATE, "RFC 5280 4.1.1.2", "one algorithm, the same inside and outside of what is signed";
    Revoked,            Core, CERTIFICATE_REVOKED, "RFC 5280 6.1.3 (a)(3)", "a certificate that its issuer has not revoked";
    Validity,           Core, CERTIFICATE_EXPIRED, "RFC 5280 6.1.3 (a)(2)", "a validity that includes the present time";
    HostName,           Core, BAD_CERTIFICATE, "RFC 9525 6", "the server's name among the names of the certificate";
    PublicKey,          Core, UNSUPPORTED_CERTIFICATE, "RFC 5280 4.1.2.7", "RSA of 2048 to 8192 bits (a multiple of 8), P-256, P-384 or Ed25519";
    Extensions,         Core, BAD_CERTIFICATE, "RFC 5280 4.2", "each extension well formed, and there only once";
    CriticalExtensions, Core, UNSUPPORTED_CERTIFICATE, "RFC 5280 4.2", "no critical extension but those that are judged here";
    BasicConstraints,   Core, BAD_CERTIFICATE, "RFC 5280 6.1.4 (k)", "cA, for an issuer";
    PathLength,         Core, BAD_CERTIFICATE, "RFC 5280 6.1.4 (m)", "no more intermediates below than it allows";
    NameConstraints,    Core, BAD_CERTIFICATE, "RFC 5280 6.1.3 (b), (c)", "names within the constraints of every issuer above";
    PolicyTree,         Core, BAD_CERTIFICATE, "RFC 5280 6.1.3 (f)", "a policy that the whole path has, where a certificate or the configuration demands one";
    RevocationStatus,   Core, BAD_CERTIFICATE_STATUS_RESPONSE, "the configuration", "a current statement of the issuer's that the certificate is not revoked";
    Depth,              Core, UNKNOWN_CA, "the configuration", "no more intermediates than the configuration allows";

    // What every authority should keep, and a private one may have missed.
    MustStaple,         Common, BAD_CERTIFICATE_STATUS_RESPONSE, "RFC 7633 4.2.3.1", "a stapled OCSP response that is good, where the certificate demands one";
    IssuerName,         Common, BAD_CERTIFICATE, "RFC 5280 4.1.2.4", "an issuer that is not empty";
    SubjectName,        Common, BAD_CERTIFICATE, "RFC 5280 4.1.2.6", "a subject that is not empty, for an authority";
    RootBasicConstraints, Common, BAD_CERTIFICATE, "RFC 5280 4.2.1.9", "basicConstraints on a root of version 3, unless it is the peer's own certificate";
    KeyUsage,           Common, UNSUPPORTED_CERTIFICATE, "RFC 5280 4.2.1.3", "keyCertSign in the keyUsage, if there is one, of an issuer and of nobody else";
    DigitalSignature,   Common, UNSUPPORTED_CERTIFICATE, "RFC 9846 4.5.1.2", "digitalSignature in the keyUsage, if there is one: the key signs the handshake";
    ExtendedKeyUsage,   Common, UNSUPPORTED_CERTIFICATE, "RFC 5280 4.2.1.12", "the purpose that the certificate is used for, if it has an extKeyUsage";
    ConstraintsInLeaf,  Common, BAD_CERTIFICATE, "RFC 5280 4.2.1.10", "no constraints on names in a certificate that is not an authority's";

    // What public authorities keep, and private ones often do not.
    Version,            Web, UNSUPPORTED_CERTIFICATE, "RFC 5280 4.1.2.1", "version 3, which has extensions";
    CriticalPolicies,   Web, BAD_CERTIFICATE, "RFC 5280 4.2.1.11, 4.2.1.14", "policyConstraints and inhibitAnyPolicy critical";
    SerialNumber,       Web, BAD_CERTIFICATE, "RFC 5280 4.1.2.2", "a positive serial number of at most 20 octets";
    LeafIsNoAuthority,  Web, BAD_CERTIFICATE, "BR 7.1.2.7.8", "a peer that is not an authority";
    AuthorityKeyForm,   Web, BAD_CERTIFICATE, "RFC 5280 4.2.1.1; BR 7.1.2.11.1", "authorityKeyIdentifier, if there, with a key identifier, and without issuer and serial number";
    RootNamesItself,    Web, BAD_CERTIFICATE, "RFC 5280 4.2.1.1", "authorityKeyIdentifier, if a self-signed root has it, that names the root's own key, and no other issuer and serial number";
    SubjectKey,         Web, BAD_CERTIFICATE, "RFC 5280 4.2.1.2", "subjectKeyIdentifier on every intermediate";
    CriticalBasicConstraints, Web, BAD_CERTIFICATE, "RFC 5280 4.2.1.9", "basicConstraints critical, on every intermediate";
    PathLengthUsage,    Web, BAD_CERTIFICATE, "RFC 5280 4.2.1.9", "keyCertSign where there is a path length";
    PeerUsage,          Web, UNSUPPORTED_CERTIFICATE, "BR 7.1.2.7.10", "extKeyUsage, if there, not critical and without anyExtendedKeyUsage";
    AltNames,           Web, BAD_CERTIFICATE, "RFC 5280 4.2.1.6", "subjectAltName, critical exactly where the subject is empty, each host name of letters, digits and hyphens";
    CommonNameForm,     Web, BAD_CERTIFICATE, "BR 7.1.4.3", "a common name that is one of the names, spelled as subjectAltName spells it";
    AuthorityAccess,    Web, BAD_CERTIFICATE, "RFC 5280 4.2.2.1", "authorityInfoAccess, if there, well formed";
    RootUsage,          Web, UNSUPPORTED_CERTIFICATE, "BR 7.1.2.1.2", "no extKeyUsage on a root";
    ConstraintForm,     Web, BAD_CERTIFICATE, "RFC 5280 4.2.1.10", "host names in nameConstraints without a leading dot: they mean themselves and all below them";
    PublicSuffix,       Web, BAD_CERTIFICATE, "BR 3.2.2.6", "no wildcard over a registry's suffix (looked up with the feature `public-suffix`)";

    // What they must do beside that.
    RootAuthorityKey,   Strict, BAD_CERTIFICATE, "BR 7.1.2.1.3", "authorityKeyIdentifier, if a self-signed root has it, with nothing but its own key identifier";
    RootSubjectKey,     Strict, BAD_CERTIFICATE, "RFC 5280 4.2.1.2", "subjectKeyIdentifier on a root";
    RootCriticalBasicConstraints, Strict, BAD_CERTIFICATE, "RFC 5280 4.2.1.9", "basicConstraints critical on a root";
    AuthorityKey,       Strict, BAD_CERTIFICATE, "RFC 5280 4.2.1.1", "authorityKeyIdentifier on every certificate but a self-signed root";
    UsageIsGiven,       Strict, UNSUPPORTED_CERTIFICATE, "BR 7.1.2.7.6", "extKeyUsage on the peer's certificate";
    PrivateSuffix,      Strict, BAD_CERTIFICATE, "BR 3.2.2.6", "no wildcard over a suffix in the list's private section (with the feature `public-suffix`)";
    TimeForm,           Strict, BAD_CERTIFICATE, "RFC 5280 4.1.2.5", "the peer's dates before 2050 as UTCTime";

    // What is stricter than both, or what nobody enforces.
    CommonName,         Named, BAD_CERTIFICATE, "BR 7.1.4.3", "a common name, if there, that repeats one of the names";
    CriticalNameConstraints, Named, BAD_CERTIFICATE, "RFC 5280 4.2.1.10", "nameConstraints critical";
}

/// Which rules a verifier holds certificates to: one of three profiles, and
/// what an application added to it or relaxed, rule by rule.
///
/// ```
/// use handfast::pki::{Profile, Rule};
/// assert_eq!(Profile::default(), Profile::WEBPKI);
/// assert_eq!("strict".parse(), Ok(Profile::STRICT));
///
/// // An in-house authority whose certificates for servers lack digitalSignature:
/// let ours = Profile::PRIVATE.without(Rule::DigitalSignature);
/// assert_eq!(ours.to_string(), "private without DigitalSignature");
/// assert!(!ours.has(Rule::DigitalSignature) && ours.has(Rule::KeyUsage));
///
/// // What trust depends on stays.
/// assert!(ours.without(Rule::Signature).has(Rule::Signature));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    name: &'static str,
    /// What the name stands for, and what holds.
    named: u64,
    rules: u64,
}

impl Profile {
    /// The default: RFC 5280's rules and those of the Baseline Requirements
    /// that certificates on the real web keep.
    pub const WEBPKI: Self = Self::of("webpki", &[Scope::Core, Scope::Common, Scope::Web]);

    /// Every rule of both, the lint of the common name and the public suffix
    /// list included (which takes the cargo feature `public-suffix`).
    pub const STRICT: Self = Self::of("strict", &[Scope::Core, Scope::Common, Scope::Web, Scope::Strict]);

    /// For authorities of one's own: without the rules of form that openssl's
    /// and others' defaults break, version 3 among them. See [`relaxable`](Self::relaxable).
    pub const PRIVATE: Self = Self::of("private", &[Scope::Core, Scope::Common]);

    /// Every rule of the table.
    pub(super) const EVERY: Self = Self { name: "every rule", named: u64::MAX, rules: u64::MAX };

    /// With one more rule.
    pub const fn with(self, rule: Rule) -> Self {
        Self { rules: self.rules | 1 << rule as u8, ..self }
    }

    /// Without one of the rules that are [relaxable](Self::relaxable). The
    /// others stay.
    pub const fn without(self, rule: Rule) -> Self {
        match rule.scope() {
            Scope::Core => self,
            _ => Self { rules: self.rules & !(1 << rule as u8), ..self },
        }
    }

    /// Whether a rule is held to.
    pub const fn has(self, rule: Rule) -> bool {
        self.rules >> rule as u8 & 1 == 1
    }

    /// The rules that it holds to.
    pub fn rules(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(move |rule| self.has(*rule))
    }

    /// Those of its rules that [`without`](Self::without) relaxes.
    pub fn relaxable(self) -> impl Iterator<Item = Rule> {
        self.rules().filter(|rule| rule.scope() != Scope::Core)
    }

    const fn of(name: &'static str, scopes: &[Scope]) -> Self {
        let mut profile = Self { name, named: 0, rules: 0 };
        let mut at = 0;
        while at < Rule::ALL.len() {
            let mut scope = 0;
            while scope < scopes.len() {
                if Rule::ALL[at].scope() as u8 == scopes[scope] as u8 {
                    profile = profile.with(Rule::ALL[at]);
                }
                scope += 1;
            }
            at += 1;
        }
        profile.named = profile.rules;
        profile
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::WEBPKI
    }
}

/// Its name, and what was added or relaxed.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let named = Self { rules: self.named, ..*self };
        for &rule in Rule::ALL {
            match (named.has(rule), self.has(rule)) {
                (true, false) => write!(f, " without {}", rule.name())?,
                (false, true) => write!(f, " with {}", rule.name())?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// No profile or rule of that name.
///
/// ```
/// use handfast::pki::Profile;
/// let unknown = "strictest".parse::<Profile>().unwrap_err();
/// assert_eq!(unknown.to_string(), "no profile of that name: there are webpki, strict and private");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no {0} of that name: {1}")]
pub struct UnknownName(&'static str, &'static str);

debug_is_display!(UnknownName);

impl FromStr for Profile {
    type Err = UnknownName;

    /// One of `webpki`, `strict` and `private`.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        [Self::WEBPKI, Self::STRICT, Self::PRIVATE]
            .into_iter()
            .find(|profile| profile.name == name)
            .ok_or(UnknownName("profile", "there are webpki, strict and private"))
    }
}

impl FromStr for Rule {
    type Err = UnknownName;

    /// A rule by its [name](Rule::name).
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.iter().find(|rule| rule.name() == name);
        found.copied().ok_or(UnknownName("rule", "a rule is named as in a report, such as DigitalSignature"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_contain_each_other() {
        assert!(Rule::ALL.len() <= 64);
        for &rule in Rule::ALL {
            assert!(!Profile::PRIVATE.has(rule) || Profile::WEBPKI.has(rule));
            assert!(!Profile::WEBPKI.has(rule) || Profile::STRICT.has(rule));
            assert_eq!(rule.name().parse(), Ok(rule));
            let relaxable = Profile::STRICT.with(rule).relaxable().any(|one| one == rule);
            assert_eq!(Profile::STRICT.with(rule).without(rule).has(rule), !relaxable);
        }
        assert!(!Profile::STRICT.has(Rule::CriticalNameConstraints));
        assert!("none".parse::<Profile>().is_err() && "none".parse::<Rule>().is_err());
    }

    #[test]
    fn what_was_changed_is_told() {
        assert_eq!(Profile::WEBPKI.to_string(), "webpki");
        let own = Profile::PRIVATE.without(Rule::KeyUsage).with(Rule::AltNames).without(Rule::Trust);
        assert_eq!(own.to_string(), "private without KeyUsage with AltNames");
        assert_ne!(own, Profile::PRIVATE);
        assert_eq!(own.with(Rule::KeyUsage).without(Rule::AltNames), Profile::PRIVATE);
    }
}
