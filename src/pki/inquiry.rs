//! What is asked about a chain, and who hears of each check. The same checks
//! decide and explain: a sink that stops at the first broken rule makes the
//! search fast, one that collects makes the report. What was found is put into
//! words only where it is shown.

use super::budget::Exhausted;
use super::policy::Policies;
use super::revocation::Revocation;
use super::rules::{Profile, Rule};
use rustls_pki_types::ServerName;
use std::borrow::Cow;
use std::sync::Arc;

/// What a certificate is presented for.
///
/// ```
/// # let mut params = rcgen::CertificateParams::new(["a.example".to_string()])?;
/// # params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
/// # let chain = [params.self_signed(&rcgen::KeyPair::generate()?)?.der().clone()];
/// # let (name, now) = (handfast::pki::ServerName::try_from("a.example")?, handfast::pki::UnixTime::now());
/// # let mut roots = handfast::pki::Roots::new();
/// # roots.add(chain[0].clone())?;
/// # let verifier = handfast::pki::Verifier::web_pki(roots);
/// use handfast::pki::{Purpose, Rule};
/// // A certificate for servers alone:
/// verifier.verify(&chain, Some(&name), Purpose::Server, now)?;
/// let refused = verifier.verify(&chain, None, Purpose::Client, now).unwrap_err();
/// assert_eq!(refused.report.broken(), Some(Rule::ExtendedKeyUsage));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The peer is a server: serverAuth.
    Server,
    /// The peer is a client: clientAuth.
    Client,
}

/// What is asked about a chain.
#[derive(Clone, Debug)]
pub(super) struct Inquiry<'n> {
    pub(super) profile: Profile,
    pub(super) purpose: Purpose,
    /// `None`: the name does not matter.
    pub(super) name: Option<Expected<'n>>,
    /// Seconds since 1970.
    pub(super) now: i64,
    pub(super) most_intermediates: Option<usize>,
    /// The certificate policies that are asked for.
    pub(super) policies: Policies,
    /// Certificates on a path, leaf and anchor among them.
    pub(super) longest_path: usize,
    /// SHA-256 of a SubjectPublicKeyInfo, one of which must be the leaf's.
    pub(super) pins: Option<Arc<[[u8; 32]]>>,
    /// The leaf is one of the trusted roots.
    pub(super) leaf_is_trusted: bool,
    pub(super) revocation: Revocation,
    /// The OCSP response that the peer stapled, empty if it did not; `None`:
    /// there is no connection in which it could have.
    pub(super) staple: Option<Cow<'n, [u8]>>,
}

impl Inquiry<'_> {
    /// The question without a name, a limit, pins or statements about revocation.
    #[cfg(test)]
    pub(super) fn about(purpose: Purpose, profile: Profile, now: i64) -> Self {
        let (name, most_intermediates, pins, staple) = Default::default();
        let (leaf_is_trusted, revocation, policies) = Default::default();
        let longest_path = crate::limits::CHAIN_DEPTH;
        Self {
            profile,
            purpose,
            name,
            now,
            most_intermediates,
            longest_path,
            policies,
            pins,
            leaf_is_trusted,
            revocation,
            staple,
        }
    }

    pub(super) fn into_owned(self) -> Inquiry<'static> {
        let name = self.name.map(|name| match name {
            Expected::Server(server) => Expected::Server(server.to_owned()),
            Expected::NotGiven => Expected::NotGiven,
        });
        let staple = self.staple.map(|staple| Cow::Owned(staple.into_owned()));
        Inquiry { name, staple, ..self }
    }
}

/// Whom the certificate should name.
#[derive(Clone, Debug)]
pub(super) enum Expected<'n> {
    Server(ServerName<'n>),
    /// It should name somebody, and the caller did not say whom.
    NotGiven,
}

/// Why judging ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A rule is broken, and the sink wants to hear no more.
    Broken,
    /// The budget is spent.
    Exhausted,
}

impl From<Exhausted> for Stop {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

/// Hears of each check.
pub(super) trait Sink {
    /// Whether it also wants to hear what passed, and in words.
    const IN_WORDS: bool;

    fn check(&mut self, rule: Rule, passed: bool, found: impl FnOnce() -> String) -> Result<(), Stop>;
}

/// Stops at the first broken rule.
pub(super) struct FirstBroken;

impl Sink for FirstBroken {
    const IN_WORDS: bool = false;

    #[inline]
    fn check(&mut self, _: Rule, passed: bool, _: impl FnOnce() -> String) -> Result<(), Stop> {
        if passed { Ok(()) } else { Err(Stop::Broken) }
    }
}

/// One check, in words.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    pub(super) passed: bool,
    pub(super) found: String,
}

impl Sink for Vec<Finding> {
    const IN_WORDS: bool = true;

    fn check(&mut self, rule: Rule, passed: bool, found: impl FnOnce() -> String) -> Result<(), Stop> {
        self.push(Finding { rule, passed, found: found() });
        Ok(())
    }
}

/// A sink behind a profile.
pub(super) struct Judge<'j, S> {
    pub(super) profile: Profile,
    pub(super) sink: &'j mut S,
}

impl<S: Sink> Judge<'_, S> {
    /// Whether a rule is held to: what only others need is not computed.
    pub(super) fn holds_to(&self, rule: Rule) -> bool {
        self.profile.has(rule)
    }

    #[inline]
    pub(super) fn check(
        &mut self,
        rule: Rule,
        passed: bool,
        found: impl FnOnce() -> String,
    ) -> Result<(), Stop> {
        if self.profile.has(rule) { self.sink.check(rule, passed, found) } else { Ok(()) }
    }
}
