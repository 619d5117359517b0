use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(status(NOT_FOUND))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
