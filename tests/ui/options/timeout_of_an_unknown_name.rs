use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = minutes(5))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
