use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(query = exact, ignore_query("utm_*"))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
