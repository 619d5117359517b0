use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(stale_if_error = 1h, soft_timeout = 10s, run_timeout = 10s)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
