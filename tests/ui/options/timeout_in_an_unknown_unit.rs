use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = "1 fortnight")]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
