//! Step 3: a handler that takes `HttpRequest`.

use actix_web::{HttpRequest, Responder, get};
use cached_response::cached_response;

#[get("/greeting")]
#[cached_response(timeout = 1m, vary("accept-language"))]
pub(crate) async fn greeting(request: HttpRequest) -> impl Responder {
    let language = request.headers().get("accept-language");
    let is_german = language.is_some_and(|it| it.as_bytes().starts_with(b"de"));
    let greeting = if is_german { "Guten Tag" } else { "Good day" };
    format!("{greeting}, run {}\n", crate::run())
}
