use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(route(42))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
