use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(respect_client)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
