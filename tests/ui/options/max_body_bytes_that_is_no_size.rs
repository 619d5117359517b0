use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(max_body_bytes = 1.5)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
