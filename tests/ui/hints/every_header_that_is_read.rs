use actix_web::{HttpRequest, Responder};
use cached_response::cached_response;

#[cached_response(vary("EVERY HEADER THAT IS READ"))]
async fn page(request: HttpRequest) -> impl Responder {
    request.path().to_owned()
}

fn main() {}
