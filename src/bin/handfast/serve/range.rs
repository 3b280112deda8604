//! One range of bytes (RFC 9110 section 14).

/// What a Range header asks of a file of some length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All: there is no range, or one that may be ignored (several ranges, other units).
    Whole,
    /// So many bytes from there.
    Part { from: u64, length: u64 },
    /// Nothing that the file has.
    Unsatisfiable,
}

/// Reads the header.
pub(crate) fn range(header: &str, length: u64) -> Asked {
    let Some((unit, spec)) = header.split_once('=') else { return Asked::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return Asked::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || !is_number(first) || !is_number(last) {
        return Asked::Whole;
    }
    // A number that is too long is beyond the end of any file.
    let number = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX));
    let (from, end) = match (number(first), number(last)) {
        (None, None) => return Asked::Whole,
        (Some(first), Some(last)) if last < first => return Asked::Whole,
        (Some(first), last) => (first, last.unwrap_or(u64::MAX).saturating_add(1).min(length)),
        (None, Some(most)) => (length.saturating_sub(most), length),
    };
    match end.checked_sub(from) {
        None | Some(0) => Asked::Unsatisfiable,
        Some(length) => Asked::Part { from, length },
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let part = |from, length| Asked::Part { from, length };
        for (header, asked) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-99", part(0, 10)),
            ("bytes=4-", part(4, 6)),
            ("Bytes = 4-5", part(4, 2)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=9-", part(9, 1)),
            ("bytes=5-99999999999999999999999", part(5, 5)),
            ("bytes=10-", Asked::Unsatisfiable),
            ("bytes=10-11", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=99999999999999999999999-", Asked::Unsatisfiable),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=5-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("bytes", Asked::Whole),
        ] {
            assert_eq!(range(header, 10), asked, "{header}");
        }
        assert_eq!(range("bytes=0-", 0), Asked::Unsatisfiable);
        assert_eq!(range("bytes=-1", 0), Asked::Unsatisfiable);
    }
}
