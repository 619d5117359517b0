use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = response, client_max_age = 60s)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
