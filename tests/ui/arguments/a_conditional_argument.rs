use actix_web::Responder;
use cached_response::cached_response;

#[cached_response]
async fn page(#[cfg(not(debug_assertions))] n: actix_web::web::Path<u32>) -> impl Responder {
    "page"
}

fn main() {}
