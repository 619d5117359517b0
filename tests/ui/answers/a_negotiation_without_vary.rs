use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody};
use cached_response::cached_response;

struct Price(u32);

impl Responder for Price {
    type Body = BoxBody;
    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match request.headers().get("accept") {
            Some(accept) if accept == "application/json" => HttpResponse::Ok().json(self.0),
            _ => HttpResponse::Ok().body(self.0.to_string()),
        }
    }
}

#[cached_response(timeout = 60)]
async fn price() -> Price {
    Price(7)
}

fn main() {}
