use actix_web::{Responder, web};
use cached_response::cached_response;

#[cached_response(ignore(n))]
async fn page(n: web::Path<u32>) -> impl Responder {
    n.to_string()
}

fn main() {}
