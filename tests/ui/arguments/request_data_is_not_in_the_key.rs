use actix_web::{Responder, web};
use cached_response::cached_response;

#[cached_response]
async fn account(user: web::ReqData<u32>) -> impl Responder {
    user.to_string()
}

fn main() {}
