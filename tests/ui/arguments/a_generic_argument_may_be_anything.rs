use actix_web::{FromRequest, Responder};
use cached_response::cached_response;

#[cached_response]
async fn show<T: FromRequest + ToString + 'static>(value: T) -> impl Responder {
    value.to_string()
}

fn main() {}
