use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(failure_cooldown = 10s)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
