use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(answer_stale_after = 200ms)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
