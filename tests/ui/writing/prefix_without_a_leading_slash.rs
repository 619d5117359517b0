use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(prefix("products"))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
