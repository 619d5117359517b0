//! One header in several lines, which is one list to HTTP and not to a handler that takes the first.

use crate::ask::ask;
use actix_web::{
    App, HttpRequest, HttpResponse, Responder, get,
    test::{TestRequest, init_service},
};
use cached_response::{Skip, cached_response, testing::isolated};

/// A page in the language of the first line.
#[get("/first-line")]
#[cached_response(vary("accept-language"))]
async fn first_line(request: HttpRequest) -> impl Responder {
    let first = request.headers().get("accept-language");
    first.map_or_else(String::new, |line| {
        line.to_str().unwrap_or_default().to_owned()
    })
}

/// The same, and the response says what it varies by.
#[get("/first-line-declared")]
#[cached_response(vary(none))]
async fn first_line_declared(request: HttpRequest) -> impl Responder {
    let first = request.headers().get("accept-language");
    let first = first.map_or_else(String::new, |line| {
        line.to_str().unwrap_or_default().to_owned()
    });
    HttpResponse::Ok()
        .insert_header(("vary", "accept-language"))
        .body(first)
}

#[actix_web::test]
async fn a_list_cut_into_lines_cannot_poison_the_whole_one() {
    let cache = isolated();
    let app = init_service(App::new().service(first_line).service(first_line_declared)).await;
    for target in ["/first-line", "/first-line-declared"] {
        let cut = TestRequest::with_uri(target)
            .append_header(("accept-language", "xx"))
            .append_header(("accept-language", "en"));
        assert_eq!(ask(&app, cut).await.body, "xx");
        let whole = TestRequest::with_uri(target).append_header(("accept-language", "xx, en"));
        assert_eq!(ask(&app, whole).await.body, "xx, en", "{target}");
    }
    assert_eq!(cache.cache().stats().skipped(Skip::Repeated), 1);
}
