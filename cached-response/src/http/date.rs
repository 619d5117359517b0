//! Dates in fields (RFC 9110 §5.6.7), parsed as a recipient must and no more leniently: an invalid
//! date counts as expired.

use crate::http::fields;
use actix_web::http::header::HttpDate;
use std::time::{Duration, SystemTime};

/// Parses a date in any of the three formats, in any case.
///
/// `now` decides the century of the two-digit year of an RFC 850 date.
pub(crate) fn date(value: &[u8], now: SystemTime) -> Option<SystemTime> {
    let written = in_usual_case(str::from_utf8(value).ok()?.trim_matches([' ', '\t']));
    match written.split_once(", ") {
        Some((day, rest)) if day.len() > 3 => rfc850(day, rest, now),
        _ => parsed(&written),
    }
}

/// Parses the date of a field of exactly one line.
pub(crate) fn only_date<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    now: SystemTime,
) -> Option<SystemTime> {
    date(fields::only(lines)?, now)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
fn parsed(written: &str) -> Option<SystemTime> {
    written.parse().ok().map(|date: HttpDate| date.into())
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`: a year that appears more than fifty years ahead is the most
/// recent past year with these digits.
fn rfc850(day: &str, rest: &str, now: SystemTime) -> Option<SystemTime> {
    const DAYS: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    const CENTURIES: [&str; 3] = ["21", "20", "19"];
    const FIFTY_YEARS: Duration = Duration::from_secs(50 * 31_556_952);
    let (date, time) = rest.split_once(' ')?;
    let [number, month, year] = date.splitn(3, '-').collect::<Vec<_>>().try_into().ok()?;
    if !DAYS.contains(&day) || year.len() != 2 {
        return None;
    }
    let latest = now.checked_add(FIFTY_YEARS)?;
    CENTURIES
        .iter()
        .filter_map(|century| {
            let weekday = &day[..3];
            parsed(&format!(
                "{weekday}, {number} {month} {century}{year} {time}"
            ))
        })
        .find(|date| *date <= latest)
}

/// Returns `SUN, 06 nov 1994 08:49:37 gmt` in the usual case.
fn in_usual_case(written: &str) -> String {
    let mut usual = String::with_capacity(written.len());
    for letter in written.chars() {
        let first = !usual.ends_with(|before: char| before.is_ascii_alphabetic());
        let letter = if first {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        };
        usual.push(letter);
    }
    if usual.ends_with(" Gmt") {
        usual.truncate(usual.len() - 2);
        usual.push_str("MT");
    }
    usual
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// In the year 2026.
    const NOW: u64 = 1_795_000_000;

    fn read(value: &str) -> Option<SystemTime> {
        date(value.as_bytes(), at(NOW))
    }

    /// RFC 9110 §5.6.7.
    #[test]
    fn a_recipient_accepts_all_three_formats_in_any_case() {
        for (written, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Sun Nov 06 08:49:37 1994", 784_111_777),
            (" Sun, 06 Nov 1994 08:49:37 GMT\t", 784_111_777),
            ("SUN, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sun, 06 nOV 1994 08:49:37 GMT", 784_111_777),
            ("Sun, 06 Nov 1994 08:49:37 gMT", 784_111_777),
            ("sunday, 06-NOV-94 08:49:37 gmt", 784_111_777),
            ("SUN NOV  6 08:49:37 1994", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 21 Nov 2286 04:46:39 GMT", 10_000_039_599),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(read(written), Some(at(seconds)), "{written}");
        }
    }

    /// RFC 9110 §5.6.7; an invalid date has expired by RFC 9111 §5.3.
    #[test]
    fn a_text_in_none_of_the_formats_is_not_a_date() {
        for written in [
            "",
            "0",
            "-1",
            "soon",
            "784111777",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 AEST",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun,06 Nov 1994 08:49:37 GMT",
            "Sun,  06 Nov 1994 08:49:37 GMT",
            "Sun, 06  Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994  08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06 Nov 94 08:49:37 GMT",
            "Someday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Wed, 30 Feb 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sün, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(read(written), None, "{written}");
        }
        assert_eq!(date(b"\xff", at(NOW)), None);
    }

    /// RFC 9110 §5.6.7.
    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        for (written, same) in [
            (
                "Thursday, 18-Aug-50 02:01:18 GMT",
                "Thu, 18 Aug 2050 02:01:18 GMT",
            ),
            (
                "Monday, 18-Aug-75 02:01:18 GMT",
                "Mon, 18 Aug 1975 02:01:18 GMT",
            ),
            (
                "Sunday, 18-Aug-75 02:01:18 GMT",
                "Sun, 18 Aug 2075 02:01:18 GMT",
            ),
            (
                "Thursday, 18-Aug-77 02:01:18 GMT",
                "Thu, 18 Aug 1977 02:01:18 GMT",
            ),
        ] {
            assert!(read(same).is_some(), "{same}");
            assert_eq!(read(written), read(same), "{written}");
        }
        // The only year of these that is a Wednesday lies too far ahead.
        assert_eq!(read("Wednesday, 18-Aug-77 02:01:18 GMT"), None);
    }

    #[test]
    fn a_date_in_two_lines_is_none() {
        let line = &b"Sun, 06 Nov 1994 08:49:37 GMT"[..];
        assert_eq!(
            only_date([line].into_iter(), at(NOW)),
            Some(at(784_111_777))
        );
        assert_eq!(only_date([line, line].into_iter(), at(NOW)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(value: Vec<u8>) {
            date(&value, at(NOW));
        }

        #[test]
        fn nearly_a_date_does_not_panic(
            written in "(Sun(day)?|Nov|GMT|[, :0-9-]|[0-9]{2,4}|ß){0,14}",
        ) {
            read(&written);
        }

        #[test]
        fn a_date_is_read_as_it_was_written(seconds in 0_u64..253_402_300_800) {
            let written = HttpDate::from(at(seconds)).to_string();
            prop_assert_eq!(read(&written), Some(at(seconds)));
            let (day, rest) = written.split_once(", ").unwrap();
            let words: Vec<&str> = rest.split(' ').collect();
            let [number, month, year, time, _] = words[..] else { panic!("{written}") };
            let number = format!("{:>2}", number.trim_start_matches('0'));
            let asctime = format!("{day} {month} {number} {time} {year}");
            prop_assert_eq!(read(&asctime), Some(at(seconds)), "{}", asctime);
        }

        #[test]
        fn an_rfc_850_date_is_read_as_it_was_written(ago in 0_u64..49 * 31_556_952) {
            let names = [
                ("Mon", "Monday"), ("Tue", "Tuesday"), ("Wed", "Wednesday"), ("Thu", "Thursday"),
                ("Fri", "Friday"), ("Sat", "Saturday"), ("Sun", "Sunday"),
            ];
            let written = HttpDate::from(at(NOW - ago)).to_string();
            let day = names.iter().find(|(short, _)| written.starts_with(short)).unwrap().1;
            let words: Vec<&str> = written[5..].split(' ').collect();
            let [number, month, year, time, _] = words[..] else { panic!("{written}") };
            let written = format!("{day}, {number}-{month}-{} {time} GMT", &year[2..]);
            prop_assert_eq!(read(&written), Some(at(NOW - ago)), "{}", written);
        }
    }
}
