use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(path("/products/{id"))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
