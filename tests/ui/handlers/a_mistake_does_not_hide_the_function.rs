use actix_web::{Responder, get, web};
use cached_response::cached_response;

#[get("/page/{n}")]
#[cached_response(nonsense = 5)]
async fn page(n: web::Path<u32>) -> impl Responder {
    n.to_string()
}

pub fn configure(app: &mut web::ServiceConfig) {
    app.service(page);
}

fn main() {}
