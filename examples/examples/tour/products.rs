//! Step 1: a list with `Query`.

use actix_web::{Responder, get, web};
use cached_response::cached_response;
use serde::Deserialize;

#[derive(Deserialize)]
struct Page {
    page: u32,
}

#[get("/products")]
#[cached_response(timeout = 1m, query = typed)]
pub(crate) async fn products(page: web::Query<Page>) -> impl Responder {
    format!("products, page {}, run {}\n", page.page, crate::run())
}
