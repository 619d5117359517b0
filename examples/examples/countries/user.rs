//! The user of a request: `Authorization: Bearer alice` is alice. A real program checks a signature.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::error::ErrorUnauthorized;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{Error, FromRequest, HttpRequest};

/// A user with a token. It is extracted on every request, hits included: a request without a token gets
/// a 401 even if a response is stored.
pub(crate) struct User {
    pub(crate) id: String,
}

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let id = token
            .and_then(|token| token.strip_prefix("Bearer "))
            .filter(|id| !id.is_empty());
        ready(id.map(|id| Self { id: id.to_owned() }).ok_or_else(|| {
            ErrorUnauthorized("a token is missing: send Authorization: Bearer alice")
        }))
    }
}
