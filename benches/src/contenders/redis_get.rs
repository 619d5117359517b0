//! A handler without a cache that reads its page from Redis: one plain `GET`, on a connection of the crate
//! `redis` that the worker has opened and drives.

use super::{Listing, PAGE, page};
use crate::redis::address;
use actix_web::{
    HttpResponse, get,
    http::header::{CONTENT_TYPE, HeaderValue},
    web::{Path, Query, ServiceConfig},
};
use redis::{AsyncCommands, Client, RedisResult, aio::MultiplexedConnection};
use std::cell::OnceCell;

thread_local! {
    static CONNECTION: OnceCell<MultiplexedConnection> = const { OnceCell::new() };
}

/// The connection of this worker.
async fn connection() -> RedisResult<MultiplexedConnection> {
    if let Some(connection) = CONNECTION.with(|connection| connection.get().cloned()) {
        return Ok(connection);
    }
    let client = Client::open(address())?;
    let opened = client.get_multiplexed_async_connection().await?;
    Ok(CONNECTION.with(|connection| connection.get_or_init(|| opened).clone()))
}

/// The page that is stored there. It is stored where it is not yet.
async fn stored(name: &str) -> RedisResult<Option<Vec<u8>>> {
    let mut connection = connection().await?;
    let stored: Option<Vec<u8>> = connection.get(name).await?;
    if stored.is_none() {
        let () = connection.set(name, PAGE.as_slice()).await?;
    }
    Ok(stored)
}

#[get("/category/{id}")]
async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    let name = format!("get:{id}:{}:{}", listing.page, listing.sort);
    match stored(&name).await {
        Ok(Some(body)) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
            .insert_header(("x-cache", "HIT"))
            .body(body),
        // It does not count as a hit.
        Ok(None) | Err(_) => page(*id, &listing),
    }
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(category);
}
