use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(not_replayed(x_served_by, "x-*-y", "a name"))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
