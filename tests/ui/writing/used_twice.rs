use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(path("/products"))]
#[invalidates(path("/cakes"))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
