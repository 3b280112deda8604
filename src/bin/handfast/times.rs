//! Times and their lengths, as a person writes them.

use handfast::pki::UnixTime;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};
use std::time::Duration;

/// A time as RFC 3339 writes it, or a day, whose first moment in UTC is meant.
pub(crate) fn at(text: &str) -> Result<UnixTime, String> {
    const HOW: &str = "write it as 2027-01-01T00:00:00Z, or with an offset such as +08:00, or 2027-01-01";
    let day = || Some(text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let at = match text.len() {
        10 => day(),
        _ => text.parse::<Timestamp>().ok(),
    };
    let seconds = u64::try_from(at.ok_or(HOW)?.as_second()).map_err(|_| "it is before 1970")?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

/// A length of time with its unit, such as `14d`, `2 weeks` or `36h`.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    const HOW: &str = "write it as 14d, 2w or 36h";
    let span = text.parse::<Span>().map_err(|_| HOW)?;
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| HOW)?;
    Duration::try_from(exact).map_err(|_| "it is negative".to_owned())
}

/// As RFC 3339 writes it, in UTC.
pub(crate) fn written(at: UnixTime) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_they_are_written() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T12:00:00Z", 1_709_208_000),
            ("2024-02-29t12:00:00.999z", 1_709_208_000),
            ("2024-02-29 20:00:00+08:00", 1_709_208_000),
            ("2024-02-29T08:30:00-03:30", 1_709_208_000),
            ("2024-02-29", 1_709_164_800),
            ("9999-12-30T22:00:00Z", 253_402_207_200),
        ] {
            let expected = UnixTime::since_unix_epoch(Duration::from_secs(expected));
            assert_eq!(at(text), Ok(expected), "{text}");
        }
        for bad in
            ["", "now", "2030", "2024-02-29T12:00:00", "2023-02-29", "2023-02-29T12:00:00Z", "1969-12-31"]
        {
            assert!(at(bad).is_err(), "{bad}");
        }
        let leap = UnixTime::since_unix_epoch(Duration::from_secs(1_709_208_000));
        assert_eq!(written(leap), "2024-02-29T12:00:00Z");
    }

    #[test]
    fn lengths_as_they_are_written() {
        const DAY: u64 = 86_400;
        for (text, seconds) in
            [("14d", 14 * DAY), ("2 weeks", 14 * DAY), ("1d 12h", DAY + DAY / 2), ("0s", 0)]
        {
            assert_eq!(length(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "14", "d", "-3d", "1 month", "1y", "999999999999999999d"] {
            assert!(length(bad).is_err(), "{bad}");
        }
    }
}
