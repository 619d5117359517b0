//! Step 2: a page for each user.

use std::future::{Ready, ready};

use actix_web::error::ErrorUnauthorized;
use actix_web::{Error, FromRequest, HttpRequest, Responder, dev::Payload, get};
use cached_response::{KeyPart, cached_response};

/// The user that a token names: `Bearer alice` is alice. A real program checks a signature here.
#[derive(KeyPart)]
struct User {
    name: String,
}

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let field = request.headers().get("authorization");
        let token = field.and_then(|field| field.to_str().ok()?.strip_prefix("Bearer "));
        let user = token.map(|name| Self {
            name: name.to_owned(),
        });
        ready(user.ok_or_else(|| ErrorUnauthorized("send `Authorization: Bearer alice`\n")))
    }
}

#[get("/me")]
#[cached_response(timeout = 1m, key(user))]
pub(crate) async fn me(user: User) -> impl Responder {
    format!("the page of {}, run {}\n", user.name, crate::run())
}
