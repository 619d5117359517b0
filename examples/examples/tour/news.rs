//! Step 4: a page of HTML.

use actix_web::{Responder, get, web::Html};
use cached_response::cached_response;

#[get("/news")]
#[cached_response(timeout = 1m)]
pub(crate) async fn news() -> impl Responder {
    let run = crate::run();
    Html::new(format!("<!doctype html><h1>News</h1><p>run {run}</p>\n"))
}
