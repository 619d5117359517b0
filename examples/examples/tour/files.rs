//! Step 9: files under the middleware.

use actix_files::Files;
use actix_web::dev::HttpServiceFactory;
use actix_web::web;
use cached_response::{CacheResponses, Policy};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tour/files");

pub(crate) fn scope() -> impl HttpServiceFactory {
    web::scope("/files")
        .service(Files::new("/", FOLDER))
        .wrap(CacheResponses::new(Policy::new(60)))
}
