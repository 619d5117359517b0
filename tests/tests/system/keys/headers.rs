//! The values of headers.

use actix_web::error::ParseError;
use actix_web::http::header::{
    self, Header, HeaderName, HeaderValue, InvalidHeaderValue, TryIntoHeaderValue,
};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpMessage, HttpRequest, get, web};
use cached_response::testing::isolated;
use cached_response::{TrackedRequest, cached_response};

use crate::ask::{ask, run};

#[get("/")]
#[cached_response(vary("x-a", "x-b"))]
async fn by_headers(_request: HttpRequest) -> String {
    run().to_string()
}

#[get("/recorded")]
#[cached_response]
async fn by_record(request: TrackedRequest) -> String {
    let (a, b) = (request.header("x-a"), request.header("x-b"));
    format!("{} {a:?} {b:?}", run())
}

/// Two different requests never have one key.
#[actix_web::test]
async fn header_values_do_not_flow_into_one_another() {
    let pairs = [
        [None, None],
        [Some(""), None],
        [None, Some("")],
        [Some("ab"), Some("c")],
        [Some("a"), Some("bc")],
        [Some("abc"), None],
        [None, Some("abc")],
        [Some("a"), Some("b:")],
        [Some("a,"), Some("b")],
        [Some("a"), Some(",b")],
        [Some("\"a,b\""), None],
        [Some("a,b"), None],
    ];
    for target in ["/", "/recorded"] {
        let cache = isolated();
        let app = init_service(App::new().service(by_headers).service(by_record)).await;
        let mut first: Vec<String> = Vec::new();
        for round in 0..2 {
            for (n, pair) in pairs.iter().enumerate() {
                let named = ["x-a", "x-b"].into_iter().zip(pair);
                let request = named.fold(
                    TestRequest::with_uri(target),
                    |request, (name, value)| match value {
                        Some(value) => request.append_header((name, *value)),
                        None => request,
                    },
                );
                let answer = ask(&app, request).await;
                assert_eq!(answer.is_hit(), round == 1, "{target} {pair:?}");
                if round == 0 {
                    assert!(!first.contains(&answer.body), "{target} {pair:?}");
                    first.push(answer.body);
                } else {
                    assert_eq!(answer.body, first[n], "{target} {pair:?}");
                }
            }
        }
        assert_eq!(cache.cache().stats().stored, pairs.len() as u64);
    }
}

mod own {
    use super::header::{self, HeaderName};

    pub(super) const LANGUAGE: HeaderName = header::ACCEPT_LANGUAGE;
}

#[get("/constants")]
#[cached_response(vary(own::LANGUAGE, header::COOKIE, "x-a"))]
async fn by_constants(_request: HttpRequest) -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_route_varies_by_a_constant_as_by_its_text() {
    let _cache = isolated();
    let app = init_service(App::new().service(by_constants)).await;
    let asked = |name: &'static str, value: &'static str| {
        TestRequest::with_uri("/constants").insert_header((name, value))
    };
    let names = ["accept-language", "cookie", "x-a"];
    let mut bodies = Vec::new();
    for name in names {
        for value in ["1", "2"] {
            let first = ask(&app, asked(name, value)).await;
            assert!(!bodies.contains(&first.body), "{name}");
            assert_eq!(
                first.header("vary").unwrap(),
                "accept-language, cookie, x-a"
            );
            assert!(ask(&app, asked(name, value)).await.is_hit(), "{name}");
            bodies.push(first.body);
        }
    }
}

/// A greeting to the logged-in user.
struct Greeting(String);

impl Header for Greeting {
    fn name() -> HeaderName {
        HeaderName::from_static("x-greeting")
    }

    fn parse<M: HttpMessage>(message: &M) -> Result<Self, ParseError> {
        let user = message.headers().get(header::COOKIE);
        let user = user.and_then(|user| user.to_str().ok());
        user.map(|user| Self(user.to_owned()))
            .ok_or(ParseError::Header)
    }
}

impl TryIntoHeaderValue for Greeting {
    type Error = InvalidHeaderValue;

    fn try_into_value(self) -> Result<HeaderValue, Self::Error> {
        HeaderValue::from_str(&self.0)
    }
}

#[get("/greeting")]
#[cached_response(vary(header::COOKIE))]
async fn greeting(greeting: Option<web::Header<Greeting>>) -> String {
    format!("{} {:?}", run(), greeting.map(|greeting| greeting.0.0))
}

#[actix_web::test]
async fn a_header_that_reads_another_one_is_keyed_by_what_its_author_names() {
    let _cache = isolated();
    let app = init_service(App::new().service(greeting)).await;
    let of =
        |user: &'static str| TestRequest::with_uri("/greeting").insert_header(("cookie", user));
    let alice = ask(&app, of("user=alice")).await;
    let bob = ask(&app, of("user=bob")).await;
    assert!(bob.body.contains("bob") && !alice.body.contains("bob"));
    assert!(ask(&app, of("user=bob")).await.is_hit());
}
