//! Form of an answer, live and from the cache.

mod conditions;
mod fields;
mod status;
mod validators;

use actix_web::test::TestRequest;
use actix_web::{HttpRequest, HttpResponse, get};
use cached_response::cached_response;

use crate::ask::run;

#[get("/bare")]
#[cached_response]
async fn bare() -> String {
    "always the same".to_owned()
}

const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[get("/tagged")]
#[cached_response]
async fn tagged() -> HttpResponse {
    run();
    HttpResponse::Ok()
        .insert_header(("etag", "W/\"own\""))
        .insert_header(("last-modified", MODIFIED))
        .insert_header(("content-language", "de"))
        .insert_header(("content-location", "/tagged.de"))
        .insert_header(("vary", "x-mood"))
        .insert_header(("cache-control", "max-age=5"))
        .insert_header(("expires", MODIFIED))
        .body("page")
}

fn asking(target: &str, headers: &[(&str, &str)]) -> TestRequest {
    headers
        .iter()
        .fold(TestRequest::with_uri(target), |request, header| {
            request.append_header(*header)
        })
}

#[cached_response]
async fn constant() -> &'static str {
    "constant"
}

#[get("/seeing")]
#[cached_response(vary(none))]
async fn seeing(request: HttpRequest) -> HttpResponse {
    run();
    if request.headers().contains_key("if-none-match") {
        return HttpResponse::NotModified().finish();
    }
    HttpResponse::Ok().body("page")
}
