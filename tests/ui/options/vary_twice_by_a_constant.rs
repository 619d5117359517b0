use actix_web::{HttpRequest, Responder};
use cached_response::cached_response;

#[cached_response(vary(actix_web::http::header::COOKIE, actix_web::http::header::COOKIE))]
async fn page(request: HttpRequest) -> impl Responder {
    request.path().to_owned()
}

fn main() {}
