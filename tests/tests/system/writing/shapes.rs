//! Every shape of a handler works under `#[invalidates]`.

use super::{post as posted, read, stored};
use actix_web::{
    Either, Error, FromRequest, HttpRequest, HttpResponse, Responder, post, test::TestRequest, web,
};
use cached_response::invalidates;
use std::{fmt::Display, marker::PhantomData, str::FromStr};

type Q = web::Query<Vec<(String, String)>>;

#[post("/none")]
#[invalidates(path("/read/a"))]
async fn none() -> impl Responder {
    "none"
}

#[rustfmt::skip]
#[post("/eighteen")]
#[invalidates(path(format!("/read/{}", s.first().map_or("", |pair| &pair.1))))]
async fn eighteen(
    a: Q, b: Q, c: Q, d: Q, e: Q, f: Q, g: Q, h: Q, i: Q, j: Q, k: Q, l: Q, m: Q, n: Q, o: Q, p: Q, r: Q, s: Q,
) -> impl Responder {
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, r, s];
    all.len().to_string()
}

#[post("/patterns/{name}")]
#[invalidates(path(format!("/read/{}", name)))]
async fn patterns(
    request: HttpRequest,
    (web::Query(mut pairs), _): (Q, web::Bytes),
    name: web::Path<String>,
    _: web::Payload,
) -> impl Responder {
    pairs.push((name.into_inner(), request.path().to_owned()));
    format!("{pairs:?}")
}

#[post("/question")]
#[invalidates(path("/read/a"))]
async fn question(number: String) -> Result<impl Responder, Box<dyn std::error::Error>> {
    let number: u32 = if number.is_empty() {
        7
    } else {
        number.parse()?
    };
    Ok(number.to_string())
}

#[post("/early")]
#[invalidates(path("/read/a"))]
async fn early(body: String) -> HttpResponse {
    if body.is_empty() {
        return HttpResponse::NoContent().finish();
    }
    HttpResponse::Ok().body(body)
}

#[post("/builder")]
#[invalidates(path("/read/a"))]
async fn builder() -> impl Responder {
    HttpResponse::Created()
}

#[post("/either")]
#[invalidates(path("/read/a"))]
async fn either(body: Either<web::Json<u32>, String>) -> Either<String, HttpResponse> {
    match body {
        Either::Left(number) => Either::Left(number.to_string()),
        Either::Right(_) => Either::Right(HttpResponse::Accepted().finish()),
    }
}

struct Shop<T>(PhantomData<T>);

impl<T> Shop<T>
where
    T: FromStr<Err: Display> + Display + 'static,
{
    const SHELF: &'static str = "/read/a";

    #[invalidates(path(Self::SHELF, format!("/read/{}", Self::shown(&body))))]
    async fn sell(body: String) -> Result<impl Responder, Error> {
        let sold = body.parse::<T>();
        sold.map(|it| it.to_string())
            .map_err(|error| actix_web::error::ErrorBadRequest(error.to_string()))
    }

    fn shown(body: &str) -> &str {
        body
    }
}

#[invalidates(path("/read/a"))]
async fn generic<T: FromRequest + 'static>(_: T) -> impl Responder {
    "generic"
}

mod shadowed {
    //! No name of the expansion clashes with a name of the user.
    use actix_web as core;

    mod cached_response {}
    mod std {}

    #[core::post("/shadowed")]
    #[::cached_response::invalidates(path("/read/a"))]
    pub(super) async fn shadowed() -> &'static str {
        "shadowed"
    }
}

mod renamed {
    use ::cached_response as elsewhere;

    #[elsewhere::invalidates(path("/read/a"), crate = elsewhere)]
    #[actix_web::post("/renamed")]
    pub(super) async fn renamed() -> impl actix_web::Responder {
        "renamed"
    }
}

fn routes(app: &mut web::ServiceConfig) {
    app.service((none, eighteen, patterns, question, early, builder, either))
        .service((shadowed::shadowed, renamed::renamed, read))
        .route("/sell", web::post().to(Shop::<u32>::sell))
        .route("/generic", web::post().to(generic::<web::Bytes>));
}

#[actix_web::test]
async fn a_handler_of_any_shape_invalidates() {
    for uri in [
        "/none",
        "/eighteen?x=a",
        "/patterns/a",
        "/question",
        "/early",
        "/builder",
        "/either",
        "/generic",
        "/shadowed",
        "/renamed",
    ] {
        assert_eq!(posted(routes, uri).await, "a", "{uri}");
    }
}

#[actix_web::test]
async fn targets_may_name_self_and_generics() {
    let (_, app) = stored(routes).await;
    let sell = |body: &'static str| TestRequest::post().uri("/sell").set_payload(body);
    assert_eq!(app.ask(sell("b")).answer().await.status, 400);
    assert_eq!(super::invalidated(&app).await, "neither");
    assert_eq!(app.ask(sell("7")).text().await, "7");
    assert_eq!(super::invalidated(&app).await, "a");
}

#[actix_web::test]
async fn a_question_mark_returns_as_in_a_plain_handler() {
    let (_, app) = stored(routes).await;
    let asked = TestRequest::post().uri("/question").set_payload("seven");
    assert_eq!(app.ask(asked).answer().await.status, 500);
    assert_eq!(super::invalidated(&app).await, "a");
}
