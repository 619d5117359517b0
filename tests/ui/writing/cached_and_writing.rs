use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(path("/products"))]
#[cached_response::cached_response]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
