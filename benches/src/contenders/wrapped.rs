//! The engine without a macro.

use super::{Listing, page};
use actix_web::{
    HttpResponse,
    web::{self, Path, Query, ServiceConfig},
};
use cached_response::{Policy, cached};

async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    page(*id, &listing)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    let handler = cached(Policy::new(3600), category);
    config.route("/category/{id}", web::get().to(handler));
}
