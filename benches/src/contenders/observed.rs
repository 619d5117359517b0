//! The attribute, with a callback for each event.

use super::{Listing, page};
use actix_web::{
    HttpResponse, get,
    web::{Path, Query, ServiceConfig},
};
use cached_response::{ResponseCache, cached_response};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[get("/category/{id}")]
#[cached_response(timeout = 3600)]
async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    page(*id, &listing)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    let bytes = AtomicUsize::new(0);
    let cache = ResponseCache::builder()
        .on_event(move |event| {
            bytes.fetch_add(event.path.map_or(0, str::len), Relaxed);
        })
        .build();
    config.app_data(cache).service(category);
}
