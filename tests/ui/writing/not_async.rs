use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(all)]
fn edit() -> impl Responder {
    "done"
}

fn main() {}
