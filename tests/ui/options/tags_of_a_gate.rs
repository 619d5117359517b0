use actix_web::{Responder, get, web};
use cached_response::cached_response;

#[get("/products/{id}")]
#[cached_response(tags("products", format!("user:{}", user.0)), gate(user))]
async fn product(id: web::Path<u32>, user: web::ReqData<u32>) -> impl Responder {
    id.to_string()
}

fn main() {
    let _ = product;
}
