use actix_web::{HttpRequest, Responder, web};
use cached_response::cached_response;

type Both = (web::ThinData<u32>, HttpRequest);

#[cached_response(unkeyed(both))]
async fn page(both: Both) -> impl Responder {
    both.1.path().to_owned()
}

fn main() {}
