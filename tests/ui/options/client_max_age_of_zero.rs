use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(client_max_age = 0)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
