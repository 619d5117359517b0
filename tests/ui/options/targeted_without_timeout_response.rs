use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(targeted = "CDN-Cache-Control")]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
