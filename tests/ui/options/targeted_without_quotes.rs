use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = response, targeted = cdn_cache_control)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
