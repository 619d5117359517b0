//! Access to the admin scope: who may use it, and from which pages.

use crate::http::host;
use actix_web::{
    HttpResponse,
    dev::RequestHead,
    guard::{Guard, GuardContext},
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use std::{fmt, hint::black_box};

/// Decides who may use the admin scope.
///
/// Each [`Guard`] of actix-web is one, and answers 404 to the others, as if nothing were there. So is the
/// [`token`](crate::admin::token), which answers 401 and lets a browser ask for it.
///
/// A guard that reads the address of the peer also admits the pages that a browser on that machine opens
/// under a name of their own (DNS rebinding): let it compare `Host`, too. Behind a proxy on the same machine every
/// peer is local: use a token there.
///
/// An implementation has to refuse whatever it does not know: a `?` in it would admit, as `None` does.
///
/// ```
/// use actix_web::{App, HttpMessage, HttpResponse, dev::Service, guard::GuardContext, test};
/// use cached_response::{ResponseCache, admin::{self, Access}};
///
/// /// The role of a user, set by the middleware that authenticates.
/// #[derive(PartialEq)]
/// enum Role { Customer, Operator }
///
/// struct Operators;
///
/// impl Access for Operators {
///     fn refusal(&self, context: &GuardContext<'_>) -> Option<HttpResponse> {
///         let is_operator = context.req_data().get::<Role>() == Some(&Role::Operator);
///         (!is_operator).then(|| HttpResponse::Forbidden().finish())
///     }
/// }
///
/// # #[actix_web::main] async fn main() {
/// let cache = ResponseCache::builder().build();
/// let app = test::init_service(App::new().service(admin::scope("/cache", cache, Operators))).await;
/// for (role, status) in [(None, 403), (Some(Role::Customer), 403), (Some(Role::Operator), 200)] {
///     let request = test::TestRequest::with_uri("/cache/stats").to_request();
///     if let Some(role) = role {
///         request.extensions_mut().insert(role);
///     }
///     assert_eq!(app.call(request).await.expect("it answers").status(), status);
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say who may use the admin scope",
    label = "no guard",
    note = "write `admin::token(secret)`, or a guard of actix-web such as `guard::fn_guard(|context| ..)`"
)]
pub trait Access: 'static {
    /// Returns the answer to a request that is refused, and `None` for one that is admitted.
    fn refusal(&self, context: &GuardContext<'_>) -> Option<HttpResponse>;
}

impl<G: Guard + 'static> Access for G {
    fn refusal(&self, context: &GuardContext<'_>) -> Option<HttpResponse> {
        (!self.check(context)).then(|| HttpResponse::NotFound().finish())
    }
}

/// A shared secret: `Authorization: Bearer <token>`, or `Basic` with the user `admin` and the token as
/// password, for which a browser asks. Compared in constant time. Created by
/// [`token`](crate::admin::token).
#[derive(Clone)]
pub struct AdminToken {
    bearer: String,
    basic: String,
}

/// The shortest token, in bytes.
const MIN_TOKEN_BYTES: usize = 16;

impl AdminToken {
    #[track_caller]
    pub(crate) fn new(token: &str) -> Self {
        assert!(
            token.len() >= MIN_TOKEN_BYTES,
            "the token of the admin scope has {} bytes, and needs {MIN_TOKEN_BYTES} at least, so that \
             it cannot be guessed: generate one, for example with `openssl rand -hex 16`",
            token.len()
        );
        Self {
            bearer: token.to_owned(),
            basic: base64(format!("admin:{token}").as_bytes()),
        }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let mut lines = headers.get_all(header::AUTHORIZATION);
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return false;
        };
        let Some((scheme, sent)) = line.to_str().ok().and_then(|line| line.split_once(' ')) else {
            return false;
        };
        let sent = sent.trim().as_bytes();
        if scheme.eq_ignore_ascii_case("bearer") {
            is_equal(sent, self.bearer.as_bytes())
        } else {
            scheme.eq_ignore_ascii_case("basic") && is_equal(sent, self.basic.as_bytes())
        }
    }
}

impl Access for AdminToken {
    fn refusal(&self, context: &GuardContext<'_>) -> Option<HttpResponse> {
        let challenge = "Basic realm=\"cached-response\", charset=\"UTF-8\"";
        (!self.admits(context.head().headers())).then(|| {
            HttpResponse::Unauthorized()
                .insert_header((header::WWW_AUTHENTICATE, challenge))
                .finish()
        })
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminToken").finish_non_exhaustive()
    }
}

/// Compares in a time that depends on the lengths alone.
fn is_equal(sent: &[u8], secret: &[u8]) -> bool {
    let differences = sent.iter().zip(secret);
    let differences = differences.fold(0, |all, (one, other)| black_box(all | (one ^ other)));
    sent.len() == secret.len() && black_box(differences) == 0
}

/// Encodes as base64 (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let octet = |n: usize| u32::from(group.get(n).copied().unwrap_or_default());
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= group.len() {
                char::from(DIGITS[index as usize])
            } else {
                '='
            });
        }
    }
    text
}

/// Returns true for a request that a page of another origin sends through the user's browser.
///
/// `Sec-Fetch-Site` decides where the browser sends it, else `Origin`, compared with `Host` (a program such
/// as `curl` sends neither). A navigation to the page itself shows data to the user alone.
pub(crate) fn is_cross_site(head: &RequestHead, is_page: bool) -> bool {
    static SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    static MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
    let one = |name: &HeaderName| {
        let mut lines = head.headers().get_all(name);
        lines.next().filter(|_| lines.next().is_none())
    };
    if is_page && head.method == Method::GET && one(&MODE).is_some_and(|mode| mode == "navigate") {
        return false;
    }
    if head.headers().contains_key(&SITE) {
        return one(&SITE).is_none_or(|site| site != "same-origin" && site != "none");
    }
    head.headers().contains_key(header::ORIGIN)
        && !one(&header::ORIGIN)
            .zip(one(&header::HOST))
            .is_some_and(|(origin, host)| is_same_host(origin, host))
}

/// Compares without the scheme of the target, which a proxy in front may have taken off.
fn is_same_host(origin: &HeaderValue, host: &HeaderValue) -> bool {
    let Some((scheme, name)) = origin.to_str().ok().and_then(|text| text.split_once("://")) else {
        return false;
    };
    let secure = match scheme {
        "https" => true,
        "http" => false,
        _ => return false,
    };
    host::normalize(name.as_bytes(), secure) == host::normalize(host.as_bytes(), secure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const TOKEN: &str = "0123456789abcdef";

    fn admits(lines: &[&str]) -> bool {
        let request = lines.iter().fold(TestRequest::default(), |request, line| {
            request.append_header((header::AUTHORIZATION, *line))
        });
        AdminToken::new(TOKEN).admits(request.to_http_request().headers())
    }

    #[test]
    fn a_token_is_sent_as_bearer_or_as_the_password_of_admin() {
        assert!(admits(&["Bearer 0123456789abcdef"]));
        assert!(admits(&["bearer  0123456789abcdef"]));
        assert!(admits(&["Basic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZg=="]));
        for line in [
            "Bearer 0123456789abcdeF",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer ",
            "Bearer",
            "0123456789abcdef",
            "Basic 0123456789abcdef",
            "Basic MDEyMzQ1Njc4OWFiY2RlZg==",
            "Digest 0123456789abcdef",
        ] {
            assert!(!admits(&[line]), "{line}");
        }
        assert!(!admits(&[]));
        assert!(!admits(&[
            "Bearer 0123456789abcdef",
            "Bearer 0123456789abcdef"
        ]));
    }

    #[test]
    #[should_panic(expected = "has 0 bytes, and needs 16")]
    fn an_empty_token_is_refused() {
        let _ = AdminToken::new("");
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("\u{ff}\u{3ff}\u{3f}", "w7/Pvz8="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    fn is_refused(method: Method, is_page: bool, fields: &[(&str, &str)]) -> bool {
        let request = TestRequest::default().method(method);
        let request = request.insert_header((header::HOST, "shop.example:8080"));
        let request = fields
            .iter()
            .fold(request, |request, field| request.append_header(*field));
        is_cross_site(request.to_http_request().head(), is_page)
    }

    #[test]
    fn a_request_of_another_origin_is_recognized() {
        let site = |site| ("sec-fetch-site", site);
        let origin = |origin| ("origin", origin);
        for (refused, fields) in [
            (false, &[][..]),
            (false, &[site("same-origin")]),
            (false, &[site("none")]),
            (
                false,
                &[site("same-origin"), origin("https://public.example")],
            ),
            (false, &[origin("http://shop.example:8080")]),
            (false, &[origin("https://SHOP.example:8080")]),
            (true, &[site("same-site")]),
            (true, &[site("cross-site")]),
            (
                true,
                &[site("cross-site"), origin("http://shop.example:8080")],
            ),
            (true, &[site("same-origin"), site("cross-site")]),
            (true, &[origin("http://shop.example")]),
            (true, &[origin("http://shop.example:8080.evil.example")]),
            (true, &[origin("null")]),
            (true, &[origin("ftp://shop.example:8080")]),
            (
                true,
                &[
                    origin("http://shop.example:8080"),
                    origin("http://evil.example"),
                ],
            ),
        ] {
            for method in [Method::GET, Method::POST] {
                assert_eq!(is_refused(method, false, fields), refused, "{fields:?}");
            }
        }
    }

    #[test]
    fn a_link_on_another_page_opens_the_page_and_nothing_else() {
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert!(!is_refused(Method::GET, true, &link));
        assert!(is_refused(Method::GET, false, &link));
        assert!(is_refused(Method::POST, true, &link));
    }
}
