use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, web};
use cached_response::{Policy, cached};

struct Page;

impl Responder for Page {
    type Body = BoxBody;
    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let session = request.cookie("session").map(|it| it.value().to_owned());
        HttpResponse::Ok().body(session.unwrap_or_default())
    }
}

async fn messages() -> Page {
    Page
}

fn main() {
    let _ = web::get().to(cached(Policy::new(60), messages));
}
