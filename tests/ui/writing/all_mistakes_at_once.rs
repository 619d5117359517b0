use actix_web::Responder;
use cached_response::invalidates;

#[invalidates(paths("/a"), url("b"), path("/{c"), cache)]
async fn edit() -> impl Responder {
    "done"
}

fn main() {}
