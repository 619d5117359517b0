use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(nocache(name = "live", when = staff))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
