use actix_web::{HttpRequest, Responder, web};
use cached_response::cached_response;

#[cached_response(unkeyed(both))]
async fn page(both: (web::ReqData<u32>, Option<HttpRequest>)) -> impl Responder {
    format!("{:?}", both.1)
}

fn main() {}
