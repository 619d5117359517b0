use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(methods(post))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
