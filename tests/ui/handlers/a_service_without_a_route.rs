use actix_web::{App, Responder};
use cached_response::cached_response;

#[cached_response]
async fn page() -> impl Responder {
    "tea"
}

fn main() {
    let _ = App::new().service(page);
}
