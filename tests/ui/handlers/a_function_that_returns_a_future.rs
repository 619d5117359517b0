use actix_web::{HttpResponse, Responder};
use cached_response::cached_response;

#[cached_response]
fn page() -> impl Future<Output = HttpResponse> {
    async { HttpResponse::Ok().finish() }
}

async fn _uses() -> impl Responder {
    page().await
}

fn main() {}
