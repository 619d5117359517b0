use actix_web::{Responder, get, web};
use cached_response::cached_response;

#[get("/products/{id}")]
#[cached_response(tags("products", **id))]
async fn product(id: web::Path<u32>) -> impl Responder {
    id.to_string()
}

fn main() {
    let _ = product;
}
