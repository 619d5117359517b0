//! Fields: values as lists (RFC 9110 §5.5 and §5.6.1), and the fields of a response that are replayed from the
//! store.
//!
//! Several lines are one list, split at the commas that are not inside a quoted string.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

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
