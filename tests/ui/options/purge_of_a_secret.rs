use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = 60, purge = "a secret")]
async fn news() -> impl Responder {
    "news"
}

fn main() {}
