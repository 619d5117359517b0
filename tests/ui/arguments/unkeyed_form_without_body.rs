use actix_web::{Responder, web};
use cached_response::cached_response;

#[cached_response(unkeyed(form))]
async fn search(form: web::Form<Vec<u32>>) -> impl Responder {
    form.len().to_string()
}

fn main() {}
