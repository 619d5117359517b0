//! Arguments of handlers, and their parts of the key.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Query;
use actix_web::{Error, FromRequest, HttpRequest, get};
use cached_response::cached_response;
use serde::Deserialize;

use crate::ask::run;

mod bodies;
mod errors;
mod flags;
mod lazy;
mod parameters;
mod queries;
mod roles;
mod serialised;
mod tuples;

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default, alias = "p")]
    page: u32,
    #[serde(rename = "order-by", default)]
    order: String,
}

#[get("/map")]
#[cached_response(query = typed)]
async fn map(query: Query<HashMap<String, String>>) -> String {
    format!("{} {:?}", run(), query.get("a"))
}

/// Counts its extractions on this thread.
struct Costly(u32);

impl FromRequest for Costly {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(run())))
    }
}
