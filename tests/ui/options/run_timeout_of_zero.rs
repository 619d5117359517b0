use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(run_timeout = 0s)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
