use actix_web::{HttpRequest, Responder};
use cached_response::cached_response;

#[cached_response(key(request.path()))]
async fn page(request: HttpRequest) -> impl Responder {
    format!("{:?}", request.headers())
}

fn main() {}
