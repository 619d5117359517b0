use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(store_if = worth_it)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
