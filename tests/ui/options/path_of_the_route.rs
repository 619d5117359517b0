use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(path = "/products")]
async fn products() -> impl Responder {
    "tea"
}

fn main() {}
