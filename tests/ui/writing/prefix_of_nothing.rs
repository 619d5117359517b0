use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(prefix())]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
