use actix_web::{Responder, web};
use cached_response::cached_response;

#[cached_response]
async fn upload(payload: web::Payload) -> impl Responder {
    drop(payload);
    "thanks"
}

fn main() {}
