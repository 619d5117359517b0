use actix_web::{Responder, web};
use cached_response::cached_response;

#[cached_response(unless = **n > 7, lazy(n))]
async fn page(n: web::Path<u32>) -> impl Responder {
    n.to_string()
}

fn main() {}
