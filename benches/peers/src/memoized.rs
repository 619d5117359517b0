//! The crate `cached`: the body is memoized by the arguments, below the handler.

use actix_web::{
    HttpResponse, get,
    http::header::ContentType,
    web::{Bytes, Path, Query, ServiceConfig},
};
use benches::contenders::{Listing, PAGE};

#[cached::macros::cached(max_size = 10_000, ttl_secs = 3600)]
async fn body(_category: u32, _listing: Listing) -> Bytes {
    Bytes::from_static(PAGE)
}

#[get("/category/{id}")]
async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    let body = body(*id, listing.into_inner()).await;
    HttpResponse::Ok().insert_header(ContentType::json()).body(body)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(category);
}
