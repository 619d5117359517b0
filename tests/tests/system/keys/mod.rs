//! Differences between requests that are in the key, and those that are not.

use actix_web::get;
use cached_response::cached_response;

use crate::ask::run;

mod applications;
mod caches;
mod explained;
mod flags;
mod handlers;
mod headers;
mod middlewares;
mod nodes;
mod orders;
mod queries;
mod targets;
mod unseen;

#[get("/{tail:.*}")]
#[cached_response(query = all)]
async fn any_page() -> String {
    run().to_string()
}
