//! The roots that a system has, and those that a crate has built in.

use crate::pki::Roots;

/// The system has no roots that can be used.
///
/// ```
/// use handfast::{NoSystemRoots, pki::Roots};
/// match Roots::system() {
///     Ok((roots, _)) => assert!(!roots.is_empty()),
///     // {} says what to install, and where else roots are looked for.
///     Err(none @ NoSystemRoots { .. }) => eprintln!("{none}"),
/// }
/// ```
#[cfg(feature = "system-roots")]
#[derive(Clone, thiserror::Error)]
#[error(
    "the system has no trusted roots{}: install them (Debian: ca-certificates), name a file in \
     SSL_CERT_FILE or a directory in SSL_CERT_DIR, or use others",
    and(left_out)
)]
#[non_exhaustive]
pub struct NoSystemRoots {
    /// What could not be read, a sentence each.
    pub left_out: Vec<String>,
}

#[cfg(feature = "system-roots")]
crate::said::debug_is_display!(NoSystemRoots);

#[cfg(feature = "system-roots")]
fn and(left_out: &[String]) -> String {
    match left_out {
        [] => String::new(),
        [one] => format!(" ({one})"),
        [first, rest @ ..] => format!(" ({first}; and {} more could not be read)", rest.len()),
    }
}

impl Roots {
    /// The roots that this system trusts: on Unix the file or directory that OpenSSL
    /// is told of by `SSL_CERT_FILE` and `SSL_CERT_DIR`, or where distributions have
    /// it; on macOS and Windows the system's own store. Reports name the store "the
    /// system's store".
    ///
    /// What could not be read is left out, and told beside them, a sentence each. A
    /// program should show it: what a missing root has issued is refused.
    ///
    /// ```no_run
    /// use handfast::{ClientConfig, pki::{Roots, UnixTime, Verifier}};
    /// let (roots, left_out) = Roots::system()?;
    /// left_out.iter().for_each(|what| eprintln!("left out: {what}"));
    /// let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now);
    /// # Ok::<(), handfast::NoSystemRoots>(())
    /// ```
    ///
    /// # Errors
    /// There is none that can be used.
    #[cfg(feature = "system-roots")]
    pub fn system() -> Result<(Self, Vec<String>), NoSystemRoots> {
        let found = rustls_native_certs::load_native_certs();
        let mut left_out: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let mut roots = Self::of_store("the system's store");
        for certificate in found.certs {
            if let Err(malformed) = roots.add(certificate) {
                left_out.push(format!("one of its certificates is {malformed}"));
            }
        }
        if roots.is_empty() { Err(NoSystemRoots { left_out }) } else { Ok((roots, left_out)) }
    }

    /// The roots of Mozilla's list for servers, as the crate `webpki-roots` has it built
    /// in: what was right when this program was made, and no newer. Reports name the
    /// store "Mozilla's list".
    ///
    /// ```
    /// use handfast::{ClientConfig, pki::{Roots, UnixTime, Verifier}};
    /// let config = ClientConfig::new(Verifier::web_pki(Roots::bundled()), UnixTime::now);
    /// assert!(Roots::bundled().len() > 100);
    /// ```
    #[cfg(feature = "bundled-roots")]
    pub fn bundled() -> Self {
        let mut roots = Self::of_store("Mozilla's list");
        for anchor in webpki_roots::TLS_SERVER_ROOTS {
            let _all_are_well_formed = roots.add_anchor(anchor);
        }
        roots
    }
}

#[cfg(all(test, feature = "bundled-roots"))]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_list_are_taken() {
        assert_eq!(Roots::bundled().len(), webpki_roots::TLS_SERVER_ROOTS.len());
    }
}
