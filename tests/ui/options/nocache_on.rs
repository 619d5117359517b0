use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(nocache = on)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
