//! Field values as lists (RFC 9110 §5.5 and §5.6.1): several lines are one
//! list, split at the commas that are not inside a quoted string.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
