use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(path(edit.))]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
