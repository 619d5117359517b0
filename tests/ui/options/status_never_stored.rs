use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(status(304, 206))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
