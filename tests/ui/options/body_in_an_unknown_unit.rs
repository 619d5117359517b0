use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(body = "64 kilos")]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
