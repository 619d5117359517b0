use actix_web::Responder;
use cached_response::invalidates;

#[cached_response::cached_response]
#[invalidates(path("/products"))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
