use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(ignore_query("utm_*_id"))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
