//! Both sides of each rule, over chains whose every octet is chosen.

mod cost;
mod lists;
mod namesakes;
mod paths;
mod policies;
mod private;
mod readers;
mod remembered;
mod revocation;
mod rules;
mod sentences;
mod tree;
mod web;

use super::maker::{Fields, NOW, Party};
use super::*;
use std::time::Duration;

/// root -> intermediate -> server
pub(super) struct Chain {
    pub(super) root: Party,
    pub(super) middle: Party,
    pub(super) server: Party,
    pub(super) root_fields: Fields,
    pub(super) middle_fields: Fields,
    pub(super) server_fields: Fields,
}

impl Chain {
    pub(super) fn new() -> Self {
        let (root, middle, server) = (Party::new("Root"), Party::new("Intermediate"), Party::new("Server"));
        Self {
            root_fields: Fields::authority(&root, &root),
            middle_fields: Fields::authority(&middle, &root),
            server_fields: Fields::server(&server, &middle, &["example.com", "*.example.com"]),
            root,
            middle,
            server,
        }
    }

    pub(super) fn roots(&self) -> Roots {
        let mut roots = Roots::new();
        roots.add(self.root_fields.sign(&self.root)).unwrap();
        roots
    }

    pub(super) fn sent(&self) -> Vec<CertificateDer<'static>> {
        vec![self.server_fields.sign(&self.middle), self.middle_fields.sign(&self.root)]
    }

    pub(super) fn verify_as(&self, profile: Profile) -> Result<Accepted, Refused> {
        let verifier = Verifier::web_pki(self.roots()).with_profile(profile);
        verifier.verify(&self.sent(), Some(&name("example.com")), Purpose::Server, at(NOW))
    }

    /// Under the rules that every profile has.
    pub(super) fn verify(&self) -> Result<Accepted, Refused> {
        self.verify_as(Profile::PRIVATE)
    }

    /// Which rules the chain breaks, after a change to it.
    #[track_caller]
    pub(super) fn broken(change: impl FnOnce(&mut Self)) -> Vec<Rule> {
        let mut chain = Self::new();
        change(&mut chain);
        rules(&chain.verify().map(|_| ()).unwrap_err())
    }

    #[track_caller]
    pub(super) fn holds(change: impl FnOnce(&mut Self)) {
        let mut chain = Self::new();
        change(&mut chain);
        let accepted = chain.verify().unwrap();
        assert_eq!(accepted.report.failures().count(), 0, "{:#}", accepted.report);
    }
}

pub(super) fn name(text: &str) -> ServerName<'_> {
    ServerName::try_from(text).unwrap()
}

pub(super) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(super) fn rules(refused: &Refused) -> Vec<Rule> {
    assert!(!refused.report.accepted());
    let by_name = |name: &str| *Rule::ALL.iter().find(|rule| rule.name() == name).unwrap();
    let broken: Vec<_> = refused.report.failures().map(|check| by_name(check.rule)).collect();
    assert!(broken.contains(&refused.report.broken().unwrap()));
    broken
}
