use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(methods(HEAD))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
