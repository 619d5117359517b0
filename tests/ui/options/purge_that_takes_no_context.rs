use actix_web::Responder;
use cached_response::cached_response;

fn is_operator() -> bool {
    true
}

#[cached_response(timeout = 60, purge = is_operator)]
async fn news() -> impl Responder {
    "news"
}

fn main() {}
