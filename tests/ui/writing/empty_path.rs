use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(path())]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
