//! Step 8: `Compress` outside.

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::Compress;
use actix_web::{Responder, get, web};
use cached_response::cached_response;

#[get("/{year}")]
#[cached_response(timeout = 1m)]
async fn report(year: web::Path<u16>) -> impl Responder {
    let lines = "nothing happened on this day\n".repeat(365);
    format!("report on {year}, run {}\n{lines}", crate::run())
}

pub(crate) fn scope() -> impl HttpServiceFactory {
    web::scope("/report")
        .service(report)
        .wrap(Compress::default())
}
