//! The middleware `actix-request-reply-cache`: whole responses in Redis, and nothing in memory.
//!
//! Default configuration, except for the timeout. None of its options changes how it is connected: its service
//! opens a connection for each request.

use actix_request_reply_cache::RedisCacheMiddlewareBuilder;
use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{self, Bytes, Path, Query, ServiceConfig},
};
use benches::{
    contenders::{Listing, PAGE},
    redis,
};

async fn category(_id: Path<u32>, _listing: Query<Listing>) -> HttpResponse {
    let body = Bytes::from_static(PAGE);
    HttpResponse::Ok().insert_header(ContentType::json()).body(body)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    let cache = RedisCacheMiddlewareBuilder::new(redis::address()).ttl(3600).build();
    let resource = web::resource("/category/{id}").wrap(cache);
    config.service(resource.route(web::get().to(category)));
}
