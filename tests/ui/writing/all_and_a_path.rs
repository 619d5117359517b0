use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(all, path("/products"))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
