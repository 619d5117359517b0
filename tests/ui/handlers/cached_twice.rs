use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = 5)]
#[cached_response(timeout = 6)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
