use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(version = "1", version = "2")]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
