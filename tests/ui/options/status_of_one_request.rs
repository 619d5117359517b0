use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(status(412, 416))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
