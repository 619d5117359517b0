use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(nocache = "no cache")]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
