use actix_web::{FromRequest, Responder};
use cached_response::cached_response;

#[cached_response(methods(POST), unkeyed(text))]
async fn echo<R: FromRequest + AsRef<str> + 'static>(text: R) -> impl Responder {
    text.as_ref().to_owned()
}

fn main() {}
