use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(route = list)]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
