use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = true)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
