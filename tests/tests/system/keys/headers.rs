//! The values of headers.

use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, get};
use cached_response::testing::isolated;
use cached_response::{Request, cached_response};

use crate::ask::{ask, run};

#[get("/")]
#[cached_response(vary("x-a", "x-b"))]
async fn by_headers(_request: HttpRequest) -> String {
    run().to_string()
}

#[get("/recorded")]
#[cached_response]
async fn by_record(request: Request) -> String {
    let (a, b) = (request.header("x-a"), request.header("x-b"));
    format!("{} {a:?} {b:?}", run())
}

/// Bar row 1.
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
