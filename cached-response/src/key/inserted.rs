//! Parts of the key that a middleware adds to a request.

use crate::key::{Field, KeyWriter, Refused, handler_id::portable, part::KeyPart};
use actix_web::{HttpMessage, HttpRequest};
use std::panic::Location;

/// Key parts that were inserted into one request.
#[derive(Debug, Default)]
pub(crate) struct InsertedParts(Vec<Result<Vec<u8>, Refused>>);

impl InsertedParts {
    /// Number of parts inserted into `request` so far.
    pub(crate) fn count(request: &HttpRequest) -> usize {
        let extensions = request.extensions();
        extensions.get::<Self>().map_or(0, |parts| parts.0.len())
    }

    pub(crate) fn write(&self, key: &mut KeyWriter) {
        for part in &self.0 {
            match part {
                Ok(part) => key.field(Field::Inserted, part),
                Err(why) => key.refuse(*why),
            }
        }
    }
}

/// Adds a part to the key of this request, for any handler that it reaches. Equal parts that are
/// added at two places of the source are distinct.
///
/// For a middleware that passes a value to the handler other than by its arguments, for example in a
/// task-local: an input of the response that no argument declares must be in the key.
///
/// ```
/// use actix_web::{Error, body::BoxBody, dev::{ServiceRequest, ServiceResponse}, middleware::Next};
/// use cached_response::insert_key_part;
///
/// async fn tenant(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
///     let tenant = 42_u32;
///     insert_key_part(&request, &tenant);
///     // .. set the task-local, and:
///     next.call(request).await
/// }
/// # let _ = actix_web::App::new().wrap(actix_web::middleware::from_fn(tenant));
/// ```
#[track_caller]
pub fn insert_key_part(request: &impl HttpMessage, part: &(impl KeyPart + ?Sized)) {
    let mut key = KeyWriter::reuse(Vec::new());
    // One middleware may add a tenant and another a role: without the place, 7 could be either.
    let place = Location::caller();
    key.text(portable(place.file()));
    key.number(place.line().into());
    key.number(place.column().into());
    key.part(part);
    let part = key.refused().map_or(Ok(()), Err);
    let mut extensions = request.extensions_mut();
    if !extensions.contains::<InsertedParts>() {
        extensions.insert(InsertedParts::default());
    }
    if let Some(parts) = extensions.get_mut::<InsertedParts>() {
        parts.0.push(part.map(|()| key.into_buffer()));
    }
}
