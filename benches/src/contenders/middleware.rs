//! The middleware, around the resource.

use super::{Listing, page};
use actix_web::{
    HttpResponse,
    web::{self, Path, Query, ServiceConfig},
};
use cached_response::{CacheResponses, Policy};

async fn category(id: Path<u32>, listing: Query<Listing>) -> HttpResponse {
    page(*id, &listing)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    let resource = web::resource("/category/{id}").wrap(CacheResponses::new(Policy::new(3600)));
    config.service(resource.route(web::get().to(category)));
}
