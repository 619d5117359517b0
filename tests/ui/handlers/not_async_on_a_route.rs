use actix_web::{App, Responder, get};
use cached_response::cached_response;

#[get("/")]
#[cached_response]
fn page() -> impl Responder {
    "tea"
}

fn main() {
    let _ = App::new().service(page);
}
