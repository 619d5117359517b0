use actix_web::Responder;
use cached_response::cached_response;

const VERSION: &str = "2";

#[cached_response(version = VERSION)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
