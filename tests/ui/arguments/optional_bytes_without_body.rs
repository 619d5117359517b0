use actix_web::{Responder, web};
use cached_response::cached_response;

#[cached_response]
async fn search(bytes: Option<web::Bytes>) -> impl Responder {
    format!("{bytes:?}")
}

fn main() {}
