use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, web};
use cached_response::cached_response;

struct Page;

impl Responder for Page {
    type Body = BoxBody;
    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let session = request.cookie("session").map(|it| it.value().to_owned());
        HttpResponse::Ok().body(session.unwrap_or_default())
    }
}

#[cached_response(timeout = 60, gate(member))]
async fn messages(member: web::Path<u32>) -> Page {
    Page
}

fn main() {}
