//! The attribute, with Redis behind the memory.

use super::{Listing, page};
use crate::redis;
use actix_web::{
    HttpResponse, get,
    web::{Path, Query, ServiceConfig},
};
use cached_response::{ResponseCache, cached_response};

#[get("/category/{id}")]
#[cached_response(timeout = 3600)]
async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    page(*id, &listing)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    let cache = ResponseCache::builder().remote(redis::store()).build();
    config.app_data(cache).service(category);
}
