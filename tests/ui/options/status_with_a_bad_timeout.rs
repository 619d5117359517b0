use actix_web::Responder;
use cached_response::cached_response;

#[cached_response(status(404 = "soon"))]
async fn page() -> impl Responder {
    "page"
}

fn main() {}
