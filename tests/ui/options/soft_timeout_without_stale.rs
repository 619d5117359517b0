use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(soft_timeout = 200ms)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
