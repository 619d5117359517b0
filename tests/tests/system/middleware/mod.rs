//! `CacheResponses`, a cache in front of handlers that it cannot see.

use actix_web::HttpRequest;
use cached_response::{CacheResponses, Policy};

use crate::ask::run;

mod answers;
mod changes;
mod closed;
mod compression;
mod events;
mod inner;
mod methods;
mod neighbours;
mod options;
mod places;
mod runs;

/// Returns the number of its run and its target.
async fn page(request: HttpRequest) -> String {
    format!("{} {}", run(), request.uri())
}

/// A middleware with a timeout of a minute.
#[track_caller]
fn minute() -> CacheResponses {
    CacheResponses::new(Policy::new(60))
}
