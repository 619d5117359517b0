use actix_web::{Responder, web};
use cached_response::cached_response;

#[cached_response(methods(POST))]
async fn search(filter: web::Json<Vec<u32>>) -> impl Responder {
    filter.len().to_string()
}

fn main() {}
