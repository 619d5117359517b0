//! The contenders, one file each, and the page that they all serve.

mod attribute;
mod bare;
mod in_front;
mod labelled;
mod lazy;
mod middleware;
mod observed;
mod redis_get;
mod redis_only;
mod wrapped;

use crate::Contender;
use actix_web::{
    HttpResponse,
    http::header::{CONTENT_TYPE, HeaderValue},
    web::Bytes,
};
use serde::Deserialize;

/// The places of those that others are held against.
const BARE: usize = 0;
const ATTRIBUTE: usize = 2;

/// The bare handler first: the others are compared with it.
pub const ALL: [Contender; 7] = [
    Contender::peer("bare handler", bare::configure),
    Contender::peer("bare, headers of a hit", labelled::configure),
    Contender::ours("attribute", attribute::configure, BARE),
    Contender::ours("attribute, lazy", lazy::configure, BARE),
    Contender::ours("cached(..)", wrapped::configure, BARE),
    Contender::ours("middleware", middleware::configure, ATTRIBUTE),
    Contender::ours("attribute, on_event", observed::configure, ATTRIBUTE),
];

/// Caches with a remote store, and the attribute without one first: the others are compared with it.
pub const REMOTE: [Contender; 4] = [
    Contender::peer("memory alone", attribute::configure),
    Contender::ours("memory in front of Redis", in_front::configure, 0),
    Contender::peer("Redis, without memory", redis_only::configure)
        .bounded_by(REDIS_GET, MOST_OF_REDIS_GET),
    Contender::peer("a handler with one GET", redis_get::configure),
];

/// The place in it of the one that asks Redis each time.
pub const REDIS_ONLY: usize = 2;

/// The place in it of the handler without a cache that reads its page from Redis.
const REDIS_GET: usize = 3;

/// The server time of a hit in Redis is at most so many times that of a handler with one `GET`.
const MOST_OF_REDIS_GET: f64 = 1.3;

/// The body of the page: 1 KiB of JSON.
pub static PAGE: &[u8; 1024] = include_bytes!("page.json");

/// The query of the page.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Listing {
    /// The page of the list.
    pub page: u32,
    /// The order of the list.
    pub sort: String,
}

/// The page, made without any work.
pub fn page(_category: u32, _listing: &Listing) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .body(Bytes::from_static(PAGE))
}
