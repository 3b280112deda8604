//! The certificates of a server, found by the name that a client asks for: what is
//! looked at does not grow with their number.

use crate::identity::Identity;
use crate::pki;
use std::collections::HashMap;
use std::sync::Arc;

/// Certificates to choose from, the preferred one first.
#[derive(Clone, Default)]
pub(crate) struct Identities {
    all: Kinds,
    /// By the dNSNames, in lower case.
    named: HashMap<String, Kinds>,
    count: usize,
}

/// The first identity of each kind, with its place among all: who cannot be
/// shown the first cannot be shown another that is like it.
#[derive(Clone, Default)]
struct Kinds(Vec<(usize, Arc<Identity>)>);

impl Kinds {
    fn add(&mut self, place: usize, identity: &Arc<Identity>) {
        if !self.0.iter().any(|(_, known)| known.is_like(identity)) {
            self.0.push((place, Arc::clone(identity)));
        }
    }
}

impl Identities {
    /// One that is preferred less than those before.
    pub(crate) fn add(&mut self, identity: &Arc<Identity>) {
        self.all.add(self.count, identity);
        for host in identity.hosts() {
            self.named.entry(host.to_owned()).or_default().add(self.count, identity);
        }
        self.count += 1;
    }

    /// Those that name the host, the first of each kind.
    pub(crate) fn named(&self, host: &str) -> Named<'_> {
        let kinds = pki::by_patterns_of(host, |pattern| self.named.get(pattern));
        Named(kinds.map(|kinds| kinds.map_or(&[][..], |kinds| &kinds.0)))
    }

    /// Whatever they name, the first of each kind.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Identity>> {
        self.all.0.iter().map(|(_, identity)| identity)
    }
}

/// Identities of a host by its name and by the wildcard beside it, in one order.
#[derive(Clone, Default)]
pub(crate) struct Named<'a>([&'a [(usize, Arc<Identity>)]; 2]);

impl Named<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|kinds| kinds.is_empty())
    }
}

impl<'a> Iterator for Named<'a> {
    type Item = &'a Arc<Identity>;

    fn next(&mut self) -> Option<&'a Arc<Identity>> {
        let place = |kinds: &&[(usize, Arc<Identity>)]| kinds.first().map_or(usize::MAX, |(place, _)| *place);
        let kinds = self.0.iter_mut().min_by_key(|kinds| place(kinds))?;
        let ((_, identity), rest) = kinds.split_first()?;
        *kinds = rest;
        Some(identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::SignatureScheme;
    use rcgen::{CertificateParams, KeyPair};

    const P256: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    const ED25519: SignatureScheme = SignatureScheme::ED25519;

    fn identity(names: &[&str], schemes: &[SignatureScheme]) -> Arc<Identity> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        Arc::new(Identity::with_key_elsewhere(vec![leaf.der().clone()], schemes).unwrap())
    }

    fn of<'a>(all: impl IntoIterator<Item = &'a Arc<Identity>>) -> Identities {
        let mut identities = Identities::default();
        all.into_iter().for_each(|identity| identities.add(identity));
        identities
    }

    /// What is looked at is counted: as much among hundreds as among few.
    #[test]
    fn the_number_of_certificates_does_not_count() {
        let all: Vec<_> = (0..300).map(|n| identity(&[&format!("host{n}.example")], &[P256])).collect();
        let identities = of(&all);
        assert_eq!(identities.all().count(), 1);
        for n in [0, 1, 299] {
            let named: Vec<_> = identities.named(&format!("Host{n}.Example")).collect();
            assert_eq!(named.len(), 1);
            assert!(Arc::ptr_eq(named[0], &all[n]));
        }
        assert!(identities.named("host300.example").is_empty());
        // Nor where all have one name.
        let same: Vec<_> = (0..100).map(|_| identity(&["a.example"], &[ED25519])).collect();
        let identities = of(all.iter().chain(&same));
        assert_eq!((identities.all().count(), identities.named("a.example").count()), (2, 1));
        assert!(Arc::ptr_eq(identities.named("a.example").next().unwrap(), &same[0]));
    }

    #[test]
    fn the_first_of_each_kind_is_found_in_order() {
        let wild = identity(&["*.example.com"], &[P256]);
        let exact = identity(&["www.example.com", "example.com"], &[ED25519]);
        let late = identity(&["*.EXAMPLE.com"], &[ED25519, P256]);
        let both = of([&wild, &exact, &late]);
        let names = |host: &str| both.named(host).map(|each| each.schemes().to_vec()).collect::<Vec<_>>();
        assert_eq!(names("WWW.example.com"), [vec![P256], vec![ED25519], vec![ED25519, P256]]);
        assert_eq!(names("mail.example.com"), [vec![P256], vec![ED25519, P256]]);
        assert_eq!(names("example.com"), [vec![ED25519]]);
        for nobody in ["a.b.example.com", "com", "*.example.com", "example.com.", "..", ""] {
            assert!(names(nobody).is_empty(), "{nobody}");
        }
        let turned = of([&exact, &wild]);
        assert!(Arc::ptr_eq(turned.named("www.example.com").next().unwrap(), &exact));
    }
}
