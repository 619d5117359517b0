use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(respect_client = yes)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
