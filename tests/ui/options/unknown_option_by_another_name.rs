use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(ttl = 300)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
