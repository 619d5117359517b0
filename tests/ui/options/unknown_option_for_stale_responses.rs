use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(grace = 1h)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
