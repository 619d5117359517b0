use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(store_if = 5)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
