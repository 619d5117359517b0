//! The host of a request, in one canonical spelling.

use actix_web::{
    HttpMessage as _, HttpRequest,
    http::header::{self, HeaderValue},
};
use std::borrow::Cow;

/// The host that the request was sent to, as it was written: the target's authority, or else the
/// `Host` field.
pub(crate) fn named(request: &HttpRequest) -> Option<&[u8]> {
    let authority = request.uri().authority();
    let authority = authority.map(|authority| authority.as_str().as_bytes());
    authority.or_else(|| {
        let field = request.headers().get(header::HOST);
        field.map(HeaderValue::as_bytes)
    })
}

/// Returns true where the default port is that of `https`.
pub(crate) fn is_secure(request: &HttpRequest) -> bool {
    match request.uri().scheme_str() {
        Some(scheme) => scheme.eq_ignore_ascii_case("https"),
        None => request.app_config().secure(),
    }
}

/// Marks a request that is only described, as one that is received over TLS.
pub(crate) struct DescribedOverTls;

/// Returns true where the request is received over TLS, whatever the scheme of its target.
pub(crate) fn is_over_tls(request: &HttpRequest) -> bool {
    request.app_config().secure() || request.extensions().contains::<DescribedOverTls>()
}

/// Normalizes `host`: lower case, without the default port of its scheme (RFC 3986 §6.2), so that
/// `A.Example:80` by `http` is `a.example`. A value that is not a single host, with or without a port,
/// stays as it is.
pub(crate) fn normalize(host: &[u8], secure: bool) -> Cow<'_, [u8]> {
    if host.iter().any(|byte| b"@, \t/\\".contains(byte)) {
        return Cow::Borrowed(host);
    }
    let host = without_default_port(host, if secure { b"443" } else { b"80" });
    if host.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

fn without_default_port<'a>(host: &'a [u8], default: &[u8]) -> &'a [u8] {
    let Some(colon) = host.iter().rposition(|byte| *byte == b':') else {
        return host;
    };
    let (name, port) = (&host[..colon], &host[colon + 1..]);
    // The colons of an IPv6 address are inside its brackets.
    let ends = name.ends_with(b"]") || !name.is_empty() && !name.contains(&b':');
    if ends && (port.is_empty() || port == default) {
        name
    } else {
        host
    }
}

#[cfg(test)]
mod tests {
    use super::normalize;
    use proptest::prelude::*;

    #[test]
    fn case_and_default_port_make_no_difference() {
        for (host, secure, expected) in [
            ("a.example", false, "a.example"),
            ("A.Example", false, "a.example"),
            ("a.example:80", false, "a.example"),
            ("a.example:", false, "a.example"),
            ("a.example:443", true, "a.example"),
            ("[2001:DB8::1]:80", false, "[2001:db8::1]"),
            ("[::1]", false, "[::1]"),
        ] {
            assert_eq!(
                &*normalize(host.as_bytes(), secure),
                expected.as_bytes(),
                "{host}"
            );
        }
    }

    #[test]
    fn another_host_or_none_is_unchanged() {
        for (host, secure) in [
            ("a.example:443", false),
            ("a.example:80", true),
            ("a.example:8080", false),
            ("a.example:080", false),
            ("a.example.", false),
            ("::1", false),
            ("::1:80", false),
            (":80", false),
            ("", false),
            ("A.example, B.example", false),
            ("User@A.example:80", false),
        ] {
            assert_eq!(
                &*normalize(host.as_bytes(), secure),
                host.as_bytes(),
                "{host}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_but_case_and_port_is_lost(host: Vec<u8>, secure: bool) {
            let normalized = normalize(&host, secure);
            let (kept, port) = host.split_at(normalized.len());
            prop_assert!(kept.eq_ignore_ascii_case(&normalized));
            prop_assert!(matches!(port, b"" | b":" | b":80" | b":443"));
        }

        #[test]
        fn a_normalized_host_is_unchanged(host in "[aA.:0-9\\[\\]]{0,20}", secure: bool) {
            let once = normalize(host.as_bytes(), secure);
            if !once.ends_with(b":") && !once.ends_with(b":80") && !once.ends_with(b":443") {
                prop_assert_eq!(&*normalize(&once, secure), &*once);
            }
        }
    }
}
