use actix_web::{HttpRequest, Responder};
use cached_response::cached_response;

const LANGUAGES: u32 = 2;

#[cached_response(vary(LANGUAGES))]
async fn page(request: HttpRequest) -> impl Responder {
    request.path().to_owned()
}

fn main() {}
