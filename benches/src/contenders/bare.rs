//! A handler and nothing else.

use super::{Listing, page};
use actix_web::{
    HttpResponse, get,
    web::{Path, Query, ServiceConfig},
};

#[get("/category/{id}")]
async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    page(*id, &listing)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(category);
}
