use actix_web::{Responder, guard::GuardContext, http::StatusCode};
use cached_response::cached_response;

fn refusal(_: &GuardContext<'_>) -> StatusCode {
    StatusCode::FORBIDDEN
}

#[cached_response(timeout = 60, purge = refusal)]
async fn news() -> impl Responder {
    "news"
}

fn main() {}
