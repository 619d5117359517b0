use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(timeout = response, heuristic_fraction = -0.1)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
