use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(rest_after_failure = 10s)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
