use actix_web::Responder;
use cached_response::cached_response;

const EARLY: f32 = 0.9;

#[cached_response(refresh_ahead = EARLY)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
