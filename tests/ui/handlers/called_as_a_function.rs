use actix_web::{Responder, web};
use cached_response::cached_response;

#[cached_response]
async fn square(n: web::Path<u32>) -> impl Responder {
    (*n * *n).to_string()
}

async fn _test() {
    square(web::Path::from(3)).await;
}

fn main() {}
