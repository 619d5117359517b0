use actix_web::Responder;
use cached_response::cached_response;

#[cached_response]
async extern "C" fn page() -> impl Responder {
    "page"
}

fn main() {}
