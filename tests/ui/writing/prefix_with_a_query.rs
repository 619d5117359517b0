use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(prefix("/products?page=1"))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
