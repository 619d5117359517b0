use actix_web::{HttpRequest, Responder};
use cached_response::cached_response;

type Req = HttpRequest;

#[cached_response(unkeyed(request))]
async fn page(request: Req) -> impl Responder {
    request.path().to_owned()
}

fn main() {}
