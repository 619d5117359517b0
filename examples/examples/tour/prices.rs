//! Step 7: CORS.

use actix_cors::Cors;
use actix_web::dev::HttpServiceFactory;
use actix_web::{Responder, get, web};
use cached_response::cached_response;

#[get("/{product}")]
#[cached_response(timeout = 1m)]
async fn price(product: web::Path<String>) -> impl Responder {
    format!("{product}: 4.00, run {}\n", crate::run())
}

pub(crate) fn scope() -> impl HttpServiceFactory {
    let cors = Cors::default()
        .allowed_origin("https://shop.example")
        .allowed_origin("https://admin.example")
        .allowed_methods(["GET"]);
    web::scope("/prices").service(price).wrap(cors)
}
