use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody};
use cached_response::cached_response;

struct Page;

impl Responder for Page {
    type Body = BoxBody;
    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let session = request.cookie("session").map(|it| it.value().to_owned());
        HttpResponse::Ok().body(session.unwrap_or_default())
    }
}

async fn page() -> impl Responder {
    Page
}

#[cached_response(timeout = 60)]
async fn messages() -> impl Responder {
    page().await
}

fn main() {}
