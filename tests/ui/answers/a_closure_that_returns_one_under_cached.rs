use actix_web::{Error, HttpRequest, HttpResponse, Responder, body::BoxBody, web};
use cached_response::{Policy, cached};

struct Page;

impl Responder for Page {
    type Body = BoxBody;
    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let session = request.cookie("session").map(|it| it.value().to_owned());
        HttpResponse::Ok().body(session.unwrap_or_default())
    }
}

fn main() {
    let _ = web::get().to(cached(Policy::new(60), || async { Ok::<_, Error>(Page) }));
}
