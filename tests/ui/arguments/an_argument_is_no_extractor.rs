use actix_web::Responder;
use cached_response::cached_response;

struct Neither;

#[cached_response(unkeyed(neither))]
async fn page(neither: Neither) -> impl Responder {
    drop(neither);
    "page"
}

fn main() {}
