use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = 300 body)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
