//! Cookies, `Authorization`, users.

mod authorization;
mod cookies;
mod gates;
mod pages;

use actix_web::dev::Payload;
use actix_web::error::ErrorUnauthorized;
use actix_web::{Error, FromRequest, HttpRequest, get};
use cached_response::cached_response;
use std::future::{Ready, ready};

use crate::ask::run;

/// A user by the token in `Authorization`, or by the session cookie.
#[derive(Debug)]
struct User {
    id: String,
}

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = request.headers().get("authorization");
        let token = token.and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
        let id = match token {
            Some(token) => Some(token.to_owned()),
            None => request
                .cookie("session")
                .map(|cookie| cookie.value().to_owned()),
        };
        ready(
            id.map(|id| Self { id })
                .ok_or_else(|| ErrorUnauthorized("who are you?")),
        )
    }
}

#[get("/seeing")]
#[cached_response(vary(none))]
async fn seeing(_request: HttpRequest) -> String {
    run().to_string()
}

const TOKEN: (&str, &str) = ("authorization", "Bearer alice");
