use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(stale_while_revalidate)]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
