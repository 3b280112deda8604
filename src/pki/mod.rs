//! Certificates: read from files, taken apart, and judged.
//!
//! The verifier never contacts anybody: it judges what the peer sent against
//! the roots that it was given, and gives a [`Report`] that says each check.
//!
//! What to trust, and where that is said:
//!
//! | a peer is right whose chain | |
//! | --- | --- |
//! | ends in a root of this system | `Roots::system()` (feature `system-roots`), [`Verifier::web_pki`] |
//! | ends in a root of Mozilla's list | `Roots::bundled()` (feature `bundled-roots`) |
//! | ends in a root of an own file | [`Roots::add_pem`] |
//! | ends in a root of several of these | [`Roots::extend`]; [`Report::store`] says of which |
//! | ends in an own root, whatever its name is | [`Verifier::chain_without_name`] |
//! | begins with a key that is known | [`Verifier::pinned`]; beside a root, [`Verifier::and_pins`] |
//! | begins with exactly this certificate, perhaps self-signed | [`Verifier::exactly`] |
//!
//! Roots that change while a process runs are [`reload`](crate::reload)'s.
//!
//! ```text
//!   octets -> certificate (extensions, name, dn, time), crl, ocsp, pem     one strict reader
//!             words: names of identifiers; opinion: what x509-parser says beside it
//!   verifier: a policy; its roots, rules, revocation, policy (ids), inquiry (what is asked)
//!     -> chain: the walk to a root, over what was sent, under a budget, with what is remembered
//!          -> judge: one certificate in its place
//!               -> checks; constraints; policies; status (listed, stapled, signer)
//!     -> story: the walk once more where none holds -> hint, report: in words
//! ```

mod budget;
mod certificate;
mod chain;
mod checks;
mod constraints;
mod crl;
mod dn;
mod extensions;
mod hint;
mod inquiry;
#[cfg(feature = "serde")]
mod json;
mod judge;
mod listed;
mod name;
mod ocsp;
#[cfg(any(test, feature = "x509-parser"))]
mod opinion;
mod own;
mod pem;
mod policies;
mod policy;
mod remembered;
mod report;
mod revocation;
mod roots;
mod rules;
mod sent;
mod signer;
mod stapled;
mod status;
mod story;
mod suffix;
mod time;
mod verifier;
mod words;

pub use certificate::{Certificate, Malformed};
pub use crl::{Crl, Unusable};
pub use inquiry::Purpose;
pub use name::GeneralName;
pub(crate) use name::{by_patterns_of, dns_pattern};
pub use own::UnfitChain;
pub(crate) use own::fit_to_be_shown;
pub use pem::{PemError, certificates, private_key, revocation_lists};
pub use policy::{NotAnObjectIdentifier, Policies, PolicyId};
pub use report::Report;
pub use revocation::Revocation;
pub use roots::Roots;
pub use rules::{Profile, Rule, UnknownName};
pub use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
pub use verifier::{Accepted, PeerKey, Refused, Verifier, peer_key, spki_sha256, tls_server_end_point};

#[cfg(test)]
mod maker;
#[cfg(test)]
mod tests;
