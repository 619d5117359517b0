//! Step 6: sessions and identities.

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::{Session, SessionMiddleware, storage::CookieSessionStore};
use actix_web::cookie::Key;
use actix_web::dev::HttpServiceFactory;
use actix_web::{HttpMessage, HttpRequest, Responder, Result, get, post, web};
use cached_response::cached_response;

#[post("/login")]
async fn login(request: HttpRequest, name: String) -> Result<impl Responder> {
    Identity::login(&request.extensions(), name)?;
    Ok("logged in\n")
}

#[post("/logout")]
async fn logout(user: Identity) -> impl Responder {
    user.logout();
    "logged out\n"
}

#[get("/orders")]
#[cached_response(timeout = 1m, key(user.id().ok()))]
async fn orders(user: Identity) -> Result<impl Responder> {
    Ok(format!("orders of {}, run {}\n", user.id()?, crate::run()))
}

#[post("/colour")]
async fn choose(session: Session, chosen: String) -> Result<impl Responder> {
    session.insert("colour", chosen)?;
    Ok("chosen\n")
}

#[get("/colour")]
#[cached_response(timeout = 1m, key(session.get::<String>("colour").ok()))]
async fn colour(session: Session) -> Result<impl Responder> {
    let chosen: Option<String> = session.get("colour")?;
    let chosen = chosen.unwrap_or_else(|| "no colour".to_owned());
    Ok(format!("{chosen}, run {}\n", crate::run()))
}

pub(crate) fn scope(key: Key) -> impl HttpServiceFactory {
    // `cookie_secure(false)` allows the cookie over plain HTTP. For a test on this machine only.
    let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key);
    web::scope("/account")
        .service((login, logout, orders, choose, colour))
        .wrap(IdentityMiddleware::default())
        .wrap(sessions.cookie_secure(false).build())
}
