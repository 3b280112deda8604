//! Times in certificates (RFC 5280 section 4.1.2.5): seconds since 1970, UTC.

use crate::crypto::der::{NotDer, Value, tag};
use rustls_pki_types::UnixTime;
use std::time::Duration;

/// From here on GeneralizedTime is the only form (RFC 5280 section 4.1.2.5).
pub(super) const YEAR_2050: i64 = 2_524_608_000;

const DAY: i64 = 86_400;

/// UTCTime `YYMMDDHHMMSSZ` or GeneralizedTime `YYYYMMDDHHMMSSZ`: with seconds,
/// in UTC, without fractions. GeneralizedTime should not be used before 2050,
/// but is, and says the same.
pub(super) fn read(value: Value<'_>) -> Result<i64, NotDer> {
    let (year, rest) = match (value.tag, value.content) {
        (tag::UTC_TIME, [y0, y1, rest @ ..]) => match number(&[*y0, *y1])? {
            year @ 0..50 => (2000 + year, rest),
            year => (1900 + year, rest),
        },
        (tag::GENERALIZED_TIME, [y0, y1, y2, y3, rest @ ..]) => {
            (number(&[*y0, *y1])? * 100 + number(&[*y2, *y3])?, rest)
        }
        _ => return Err(NotDer),
    };
    let [m0, m1, d0, d1, h0, h1, min0, min1, s0, s1, b'Z'] = rest else {
        return Err(NotDer);
    };
    let month = number(&[*m0, *m1])?;
    let day = number(&[*d0, *d1])?;
    let hour = number(&[*h0, *h1])?;
    let minute = number(&[*min0, *min1])?;
    let second = number(&[*s0, *s1])?;
    if !(1..=12).contains(&month)
        || !(1..=month_length(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return Err(NotDer);
    }
    Ok(days_before(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

/// Times before 1970 are the first that there is.
pub(super) fn since_1970(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Beyond all that a certificate can say, the last time that there is.
pub(super) fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// `2026-11-20 06:25:00 UTC`.
pub(super) fn text(seconds: i64) -> String {
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// A length of time in its two largest units: `3 days 4 hours`.
pub(super) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 5] =
        [(31_536_000, "year"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let mut left = seconds;
    let mut words = Vec::new();
    for (length, unit) in UNITS {
        let count = left / length;
        left %= length;
        match count {
            // What follows the largest unit is the next one, or nothing.
            0 if !words.is_empty() => break,
            0 => continue,
            1 => words.push(format!("1 {unit}")),
            _ => words.push(format!("{count} {unit}s")),
        }
        if words.len() == 2 {
            break;
        }
    }
    if words.is_empty() { "0 seconds".into() } else { words.join(" ") }
}

fn number(digits: &[u8; 2]) -> Result<i64, NotDer> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(NotDer);
    }
    let [tens, units] = digits.map(|digit| i64::from(digit - b'0'));
    Ok(tens * 10 + units)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of January of a year.
fn days_before_year(year: i64) -> i64 {
    let past = year - 1;
    let leaps = past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400);
    past * 365 + leaps - 719_162
}

fn days_before(year: i64, month: i64, day: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let months = usize::try_from(month - 1).ok().and_then(|month| BEFORE.get(month)).copied().unwrap_or(0);
    days_before_year(year) + months + i64::from(month > 2 && is_leap(year)) + day - 1
}

/// Year, month and day of a number of days since 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    // 146,097 days are 400 years; the estimate is at most one year late.
    let mut year = days.saturating_mul(400).div_euclid(146_097) + 1971;
    while days < days_before_year(year) {
        year -= 1;
    }
    let mut left = days - days_before_year(year);
    let mut month = 1;
    while left >= month_length(year, month) && month < 12 {
        left -= month_length(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Result<i64, NotDer> {
        read(Value { tag: tag::UTC_TIME, content: text.as_bytes(), bytes: &[] })
    }

    fn generalized(text: &str) -> Result<i64, NotDer> {
        read(Value { tag: tag::GENERALIZED_TIME, content: text.as_bytes(), bytes: &[] })
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(utc("700101000000Z"), Ok(0));
        assert_eq!(utc("500101000000Z"), Ok(-631_152_000));
        assert_eq!(utc("491231235959Z"), Ok(2_524_607_999));
        assert_eq!(generalized("20500101000000Z"), Ok(2_524_608_000));
        assert_eq!(generalized("20240229120000Z"), Ok(1_709_208_000));
        assert_eq!(generalized("99991231235959Z"), Ok(253_402_300_799));
        assert_eq!(generalized("00000101000000Z"), Ok(-62_167_219_200));
    }

    #[test]
    fn what_der_or_the_calendar_forbids_is_refused() {
        for bad in [
            "7001010000Z",
            "700101000000",
            "700101000000+0000",
            "700101000060Z",
            "700101006000Z",
            "700101240000Z",
            "700100000000Z",
            "700132000000Z",
            "701301000000Z",
            "700001000000Z",
            "230229000000Z",
            "7001010000 0Z",
            "+70101000000Z",
            "",
            "700101000000Z0",
        ] {
            assert_eq!(utc(bad), Err(NotDer), "{bad}");
        }
        for bad in ["20230101000000.5Z", "202301010000Z", "20230101000000", "21000229000000Z"] {
            assert_eq!(generalized(bad), Err(NotDer), "{bad}");
        }
        let other = Value { tag: tag::OID, content: b"700101000000Z", bytes: &[] };
        assert_eq!(read(other), Err(NotDer));
    }

    #[test]
    fn every_day_reads_back_as_written() {
        for days in (-719_528..2_932_896).step_by(97) {
            let written = text(days * DAY + 3661);
            let digits: String = written.chars().filter(char::is_ascii_digit).collect();
            assert_eq!(generalized(&format!("{digits}Z")), Ok(days * DAY + 3661), "{written}");
        }
        assert_eq!(text(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(text(-1), "1969-12-31 23:59:59 UTC");
        assert_eq!(text(1_709_164_800), "2024-02-29 00:00:00 UTC");
        assert_eq!(text(1_735_689_599), "2024-12-31 23:59:59 UTC");
        let _ = (text(i64::MAX), text(i64::MIN));
    }

    #[test]
    fn spans_are_said_in_two_units() {
        for (seconds, said) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "1 minute 59 seconds"),
            (7200, "2 hours"),
            (3 * 86_400 + 4 * 3600 + 59, "3 days 4 hours"),
            (3 * 86_400 + 59, "3 days"),
            (900 * 86_400, "2 years 170 days"),
        ] {
            assert_eq!(span(seconds), said);
        }
    }
}
