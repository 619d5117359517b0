//! Fields: values as lists (RFC 9110 §5.5 and §5.6.1), dates (§5.6.7), and the fields of a response that are
//! replayed from the store.
//!
//! Several lines are one list, split at the commas that are not inside a quoted string. A date is parsed as a
//! recipient must and no more leniently: an invalid date counts as expired.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate};
use std::time::{Duration, SystemTime};

/// The lines of one field, as they were sent.
pub(crate) fn lines<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).map(HeaderValue::as_bytes)
}

/// The members of a field over all its lines, in order and trimmed.
///
/// Empty members are kept: `a,,b` has three, and an empty line has one. An unclosed quote ends with
/// its line.
pub(crate) fn members<'a>(lines: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    lines.flat_map(|line| Members { rest: Some(line) })
}

/// The members of a field that are not empty.
pub(crate) fn tokens<'a>(lines: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    members(lines).filter(|member| !member.is_empty())
}

/// Returns true if `token` is a member of the field, in any case.
pub(crate) fn contains<'a>(lines: impl Iterator<Item = &'a [u8]>, token: &str) -> bool {
    tokens(lines).any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
}

/// The value of a field that is not a list: `None` where it is absent or repeated, which is
/// ambiguous.
pub(crate) fn only<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let first = lines.next()?;
    match lines.next() {
        None => Some(first),
        Some(_) => None,
    }
}

/// Returns true if `name` is `pattern`, or starts with what precedes its trailing `*`.
pub(crate) fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

struct Members<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.rest?;
        let Some(comma) = comma_outside_quotes(line) else {
            self.rest = None;
            return Some(line.trim_ascii());
        };
        self.rest = Some(&line[comma + 1..]);
        Some(line[..comma].trim_ascii())
    }
}

fn comma_outside_quotes(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    line.iter().position(|&byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    })
}

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
    date(only(lines)?, now)
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

/// Fields that belong to the one request whose response they came with. A trailing `*` stands for any
/// rest of the name.
///
/// The response is stored without them; the answer of the run itself keeps them.
pub(crate) const OF_ONE_REQUEST: &[&str] = &[
    // Identifiers for logs and traces.
    "b3",
    "correlation-id",
    "request-id",
    "traceparent",
    "traceresponse",
    "tracestate",
    "uber-trace-id",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-b3-*",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-datadog-*",
    "x-request-id",
    "x-trace-id",
    // Durations.
    "server-timing",
    "x-response-time",
    "x-runtime",
    // Limits and tokens of one client.
    "csrf-token",
    "ratelimit",
    "ratelimit-*",
    "x-csrf-token",
    "x-rate-limit-*",
    "x-ratelimit-*",
    "x-xsrf-token",
];

/// Hop-by-hop fields (RFC 9110 §7.6.1), and those that are computed for each answer.
const OF_ONE_CONNECTION: [HeaderName; 12] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::AGE,
];

/// Returns the fields of `headers` that may be replayed. `added` are patterns of names that the route
/// adds to the published ones.
pub(crate) fn replayed<'a>(
    headers: &'a HeaderMap,
    added: &'a [Box<str>],
) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
    let listed: Vec<&[u8]> = tokens(lines(headers, &header::CONNECTION)).collect();
    headers.iter().filter(move |(name, _)| {
        let text = name.as_str();
        let is_listed = |token: &&[u8]| token.eq_ignore_ascii_case(text.as_bytes());
        !OF_ONE_CONNECTION.contains(name)
            && !is_of_one_request(text, added)
            && !listed.iter().any(is_listed)
    })
}

fn is_of_one_request(name: &str, added: &[Box<str>]) -> bool {
    let published = OF_ONE_REQUEST.iter().copied();
    published
        .chain(added.iter().map(AsRef::as_ref))
        .any(|pattern| matches_pattern(pattern, name))
}

/// Returns the pattern in lower case, if it is the name of a field or the beginning of one with a `*`.
pub(crate) fn pattern(text: &str) -> Option<Box<str>> {
    let beginning = text.strip_suffix('*').unwrap_or(text);
    let name = HeaderName::from_bytes(beginning.as_bytes()).ok()?;
    let is_whole = !beginning.contains('*');
    is_whole.then(|| format!("{name}{}", &text[beginning.len()..]).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    fn list<'a>(lines: &[&'a str]) -> Vec<&'a str> {
        members(lines.iter().map(|line| line.as_bytes()))
            .map(|member| std::str::from_utf8(member).unwrap())
            .collect()
    }

    #[test]
    fn members_are_split_at_commas_and_trimmed() {
        assert_eq!(list(&["a,b ,\tc d\t"]), ["a", "b", "c d"]);
    }

    #[test]
    fn several_lines_are_one_list() {
        assert_eq!(list(&["a, b", "c"]), list(&["a, b, c"]));
    }

    #[test]
    fn an_absent_field_has_no_members_and_an_empty_one_has_one() {
        assert_eq!(list(&[]), [""; 0]);
        assert_eq!(list(&[""]), [""]);
        assert_eq!(list(&["a,,b,"]), ["a", "", "b", ""]);
    }

    #[test]
    fn a_comma_in_a_quoted_string_does_not_split() {
        assert_eq!(list(&[r#"a="x,y",b"#]), [r#"a="x,y""#, "b"]);
        assert_eq!(list(&[r#"a="x\",y",b"#]), [r#"a="x\",y""#, "b"]);
    }

    #[test]
    fn an_unclosed_quote_ends_with_its_line() {
        assert_eq!(list(&[r#"a="x, y"#, "b"]), [r#"a="x, y"#, "b"]);
    }

    #[test]
    fn tokens_leave_out_empty_members() {
        let lines: [&[u8]; 2] = [b",a,, b,", b""];
        assert_eq!(tokens(lines.into_iter()).collect::<Vec<_>>(), [b"a", b"b"]);
    }

    #[test]
    fn a_repeated_field_that_is_not_a_list_has_no_value() {
        let lines: [&[u8]; 2] = [b"a", b"b"];
        assert_eq!(only(lines[..0].iter().copied()), None);
        assert_eq!(only(lines[..1].iter().copied()), Some(&b"a"[..]));
        assert_eq!(only(lines.into_iter()), None);
    }

    #[test]
    fn a_star_is_found_at_any_place_in_vary() {
        let corpus: [&[&str]; 8] = [
            &["*"],
            &[" * "],
            &["a, *"],
            &["*, a"],
            &["a", "*"],
            &[",*,"],
            &["a,\t*\t,b"],
            &["", "*"],
        ];
        for lines in corpus {
            assert!(vary_any(lines), "{lines:?}");
        }
    }

    #[test]
    fn a_star_inside_a_name_or_a_quoted_string_is_not_a_member() {
        let corpus: [&[&str]; 5] = [&[], &[""], &["x-*"], &["\"*\""], &["\"a, *, b\""]];
        for lines in corpus {
            assert!(!vary_any(lines), "{lines:?}");
        }
    }

    #[test]
    fn tokens_are_compared_in_any_case() {
        assert!(contains([&b"Keep-Alive, CLOSE"[..]].into_iter(), "close"));
        assert!(!contains([&b"closed"[..]].into_iter(), "close"));
    }

    fn vary_any(lines: &[&str]) -> bool {
        contains(lines.iter().map(|line| line.as_bytes()), "*")
    }

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
    fn two_digits_of_a_year_lie_at_most_fifty_years_ahead() {
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

    fn kept(names: &[&'static str], added: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let added: Vec<_> = added.iter().map(|text| pattern(text).unwrap()).collect();
        let kept = replayed(&headers, &added);
        kept.map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn identifiers_of_a_request_and_limits_of_its_client_are_not_replayed() {
        for name in [
            "x-request-id",
            "x-correlation-id",
            "request-id",
            "x-amzn-trace-id",
            "x-csrf-token",
            "ratelimit",
            "ratelimit-policy",
            "x-ratelimit-remaining",
            "x-b3-traceid",
        ] {
            assert_eq!(kept(&[name], &[]), [""; 0], "{name}");
        }
        for name in ["retry-after", "ratelimits", "x-b3", "x-request-identity"] {
            assert_eq!(kept(&[name], &[]), [name]);
        }
    }

    #[test]
    fn a_route_adds_names_and_their_beginnings() {
        let added = ["X-Served-By", "x-debug-*"];
        let names = ["x-served-by", "x-debug-sql", "x-debug", "x-served-by-us"];
        let mut left = kept(&names, &added);
        left.sort_unstable();
        assert_eq!(left, ["x-debug", "x-served-by-us"]);
    }

    #[test]
    fn an_invalid_field_name_is_no_pattern() {
        for text in ["", "*", "a b", "x-*-y", "x-**", "x:"] {
            assert_eq!(pattern(text), None, "{text}");
        }
        assert_eq!(pattern("X-A*").as_deref(), Some("x-a*"));
    }

    #[test]
    fn the_guide_publishes_the_list() {
        let guide = include_str!("../../docs/what-is-cached.md");
        for name in OF_ONE_REQUEST {
            assert!(guide.contains(&format!("`{name}`")), "{name}");
        }
    }
}
