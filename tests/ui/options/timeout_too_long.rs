use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = 99999999999999999999)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
