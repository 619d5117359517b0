//! Who is asking: `Authorization: Bearer alice` is alice. A real program would check a signature.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::error::ErrorUnauthorized;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{Error, FromRequest, HttpRequest};

/// Someone who has shown a token. Extracted on every request, also on one that is then answered
/// from the cache: who has no token gets 401, whatever is stored.
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
        ready(
            id.map(|id| Self { id: id.to_owned() })
                .ok_or_else(|| ErrorUnauthorized("say who you are: Authorization: Bearer alice")),
        )
    }
}
