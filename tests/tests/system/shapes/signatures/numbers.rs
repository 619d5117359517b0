//! Numbers of arguments.
#![expect(
    clippy::many_single_char_names,
    reason = "many arguments are the point"
)]

use crate::shapes::answered_from_the_store;
use actix_web::{HttpRequest, Responder, get, web};
use cached_response::cached_response;

type Q = web::Query<Vec<(String, String)>>;

#[get("/none")]
#[cached_response]
async fn none() -> impl Responder {
    "none"
}

#[rustfmt::skip]
#[get("/sixteen")]
#[cached_response]
async fn sixteen(
    a: Q, b: Q, c: Q, d: Q, e: Q, f: Q, g: Q, h: Q, i: Q, j: Q, k: Q, l: Q, m: Q, n: Q, o: Q, p: Q,
) -> impl Responder {
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
    all.len().to_string()
}

#[rustfmt::skip]
#[get("/eighteen")]
#[cached_response(key(r.len()), vary(none))]
async fn eighteen(
    a: Q, b: Q, c: Q, d: Q, e: Q, f: Q, g: Q, h: Q, i: Q, j: Q, k: Q, l: Q, m: Q, n: Q, o: Q, p: Q, r: Q,
    request: HttpRequest,
) -> impl Responder {
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, r];
    format!("{} {}", all.len(), request.path())
}

#[rustfmt::skip]
#[get("/lazy")]
#[cached_response(lazy)]
async fn eighteen_lazy(
    a: Q, b: Q, c: Q, d: Q, e: Q, f: Q, g: Q, h: Q, i: Q, j: Q, k: Q, l: Q, m: Q, n: Q, o: Q, p: Q, r: Q, s: Q,
) -> impl Responder {
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, r, s];
    all.len().to_string()
}

#[actix_web::test]
async fn a_handler_may_have_any_number_of_arguments() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(none);
            },
            "/none"
        )
        .await,
        "none"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(sixteen);
            },
            "/sixteen"
        )
        .await,
        "16"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(eighteen);
            },
            "/eighteen?x=1"
        )
        .await,
        "17 /eighteen"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(eighteen_lazy);
            },
            "/lazy"
        )
        .await,
        "18"
    );
}

macro_rules! counted {
    ($($name:ident $uri:literal ($($argument:ident)*);)*) => {
        $(
            #[get($uri)]
            #[cached_response]
            async fn $name($($argument: Q),*) -> impl Responder {
                let all: Vec<Q> = vec![$($argument),*];
                all.len().to_string()
            }
        )*
        #[actix_web::test]
        async fn each_number_of_arguments_is_extracted() {
            let mut expected = 0;
            $(
                let body = answered_from_the_store(|app| { app.service($name); }, $uri).await;
                assert_eq!(body, expected.to_string());
                expected += 1;
            )*
            assert_eq!(expected, 18);
        }
    };
}

counted! {
    n0 "/0" ();
    n1 "/1" (a);
    n2 "/2" (a b);
    n3 "/3" (a b c);
    n4 "/4" (a b c d);
    n5 "/5" (a b c d e);
    n6 "/6" (a b c d e f);
    n7 "/7" (a b c d e f g);
    n8 "/8" (a b c d e f g h);
    n9 "/9" (a b c d e f g h i);
    n10 "/10" (a b c d e f g h i j);
    n11 "/11" (a b c d e f g h i j k);
    n12 "/12" (a b c d e f g h i j k l);
    n13 "/13" (a b c d e f g h i j k l m);
    n14 "/14" (a b c d e f g h i j k l m n);
    n15 "/15" (a b c d e f g h i j k l m n o);
    n16 "/16" (a b c d e f g h i j k l m n o p);
    n17 "/17" (a b c d e f g h i j k l m n o p q);
}
