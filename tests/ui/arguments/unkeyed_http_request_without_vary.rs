use actix_web::{HttpRequest, Responder};
use cached_response::cached_response;

#[cached_response(unkeyed(request))]
async fn page(request: HttpRequest) -> impl Responder {
    request.path().to_owned()
}

fn main() {}
