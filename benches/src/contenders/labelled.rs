//! A handler that sends as many header lines as a hit does: what they cost by themselves.

use super::{Listing, page};
use actix_web::{
    HttpResponse, get,
    http::header::{AGE, DATE, ETAG, HeaderName, HeaderValue},
    web::{Path, Query, ServiceConfig},
};

#[get("/category/{id}")]
async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    let mut response = page(*id, &listing);
    let headers = response.headers_mut();
    for (name, value) in [
        (ETAG, "\"0123456789abcdef0123456789abcdef\""),
        (DATE, "Sun, 22 Nov 2026 15:15:00 GMT"),
        (AGE, "0"),
        (
            HeaderName::from_static("cache-status"),
            "cached-response; hit; ttl=3600",
        ),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    response
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(category);
}
