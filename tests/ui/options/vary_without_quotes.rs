use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(vary(accept_language))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
