use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(path("/products/{id:[0-9]+}"))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
