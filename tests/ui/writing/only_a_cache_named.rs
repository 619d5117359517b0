use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(crate = cached_response)]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
