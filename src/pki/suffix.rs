//! The public suffix list (<https://publicsuffix.org>), as the `psl` crate has
//! it: names under which anybody registers, so that no one certificate speaks
//! for all of them.

/// A section of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// Suffixes of the registries, such as `com` and `co.uk`.
    Registries,
    /// Those of whoever lets others have names below its own, such as
    /// `github.io`. Some of these do have a wildcard certificate.
    Private,
}

/// The section that has this name as a suffix. Without the list there is none.
#[cfg(feature = "public-suffix")]
pub(super) fn suffix(name: &str) -> Option<Section> {
    let lower = name.to_ascii_lowercase();
    let suffix = psl::suffix(lower.as_bytes()).filter(|suffix| suffix.as_bytes() == lower.as_bytes())?;
    match suffix.typ()? {
        psl::Type::Icann => Some(Section::Registries),
        psl::Type::Private => Some(Section::Private),
    }
}

#[cfg(not(feature = "public-suffix"))]
pub(super) fn suffix(_: &str) -> Option<Section> {
    None
}

#[cfg(all(test, feature = "public-suffix"))]
mod tests {
    use super::*;

    #[test]
    fn both_sections_are_told_apart() {
        for (name, expected) in [
            ("com", Some(Section::Registries)),
            ("co.uk", Some(Section::Registries)),
            ("CO.UK", Some(Section::Registries)),
            ("github.io", Some(Section::Private)),
            ("s3.amazonaws.com", Some(Section::Private)),
            ("example.com", None),
            ("example.co.uk", None),
            ("lan", None),
        ] {
            assert_eq!(suffix(name), expected, "{name}");
        }
    }
}
