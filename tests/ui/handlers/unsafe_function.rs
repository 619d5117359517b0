use actix_web::Responder;
use cached_response::cached_response;

#[cached_response]
async unsafe fn page() -> impl Responder {
    "page"
}

fn main() {}
