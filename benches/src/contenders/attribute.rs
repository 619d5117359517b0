//! The attribute as it comes.

use super::{Listing, page};
use actix_web::{
    HttpResponse, get,
    web::{Path, Query, ServiceConfig},
};
use cached_response::cached_response;

#[get("/category/{id}")]
#[cached_response(timeout = 3600)]
async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    page(*id, &listing)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(category);
}
