use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(refresh_ahead = "90%")]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
