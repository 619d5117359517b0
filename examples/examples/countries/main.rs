//! The countries of the world and their 5,000 provinces, states and districts: a JSON API and one
//! page over a database file.
//!
//! The search reads every name in the file and allows typos, so it is slow. The important lines are the
//! `#[cached_response(..)]` ones: with them, each search runs once.

mod data;
mod db;
mod fuzzy;
mod user;

use std::env;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use actix_web::error::{ErrorBadRequest, ErrorNotFound};
use actix_web::{App, HttpServer, Responder, Result, get, web};
use cached_response::{ResponseCache, admin, cached_response, disable_cache, set_cache_timeout};
use examples::listen;
use serde_json::json;

use crate::db::Db;
use crate::fuzzy::Search;
use crate::user::User;

/// The page. It is the same for all users, and its content changes only with a new release.
#[get("/")]
#[cached_response(timeout = 1h)]
async fn page(db: web::Data<Db>) -> Result<impl Responder> {
    let regions = db.read(data::regions).await?;
    let options = regions
        .iter()
        .map(|region| format!("<option>{}</option>", region.name));
    let options = options.collect::<Vec<_>>().concat();
    Ok(web::Html::new(
        include_str!("page.html").replace("{{regions}}", &options),
    ))
}

/// One country with its subdivisions. The `Path` is in the key; a 404 is not stored.
#[get("/api/countries/{code}")]
#[cached_response(timeout = 5m)]
async fn country(code: web::Path<String>, db: web::Data<Db>) -> Result<impl Responder> {
    let code = code.into_inner().to_uppercase();
    let found = db
        .read(move |connection| data::country(connection, &code))
        .await?;
    found
        .map(web::Json)
        .ok_or_else(|| ErrorNotFound("no such country"))
}

/// The slow route. Only the fields of `Search` are in the key, so `?q=peru&utm_source=mail` is a hit for
/// `?q=peru`.
#[get("/api/search")]
#[cached_response(timeout = 5m)]
async fn search(query: web::Query<Search>, db: web::Data<Db>) -> Result<impl Responder> {
    let query = query.into_inner().check().map_err(ErrorBadRequest)?;
    Ok(web::Json(
        db.read(move |connection| fuzzy::search(connection, &query))
            .await?,
    ))
}

/// Each user has a separate response. Without `key(user.id)` this does not compile.
#[get("/api/me/favourites")]
#[cached_response(timeout = 60, key(user.id))]
async fn favourites(user: User, db: web::Data<Db>) -> Result<impl Responder> {
    let id = user.id.clone();
    let countries = db
        .read(move |connection| data::favourites(connection, &id))
        .await?;
    Ok(web::Json(
        json!({ "user": user.id, "favourites": countries }),
    ))
}

/// A different country each time: the handler disables the cache for its response.
#[get("/api/random")]
#[cached_response]
async fn random(db: web::Data<Db>) -> Result<impl Responder> {
    disable_cache();
    Ok(web::Json(db.read(data::random).await?))
}

/// Figures of the day: the handler sets the timeout, the time until midnight.
#[get("/api/statistics")]
#[cached_response]
async fn statistics(db: web::Data<Db>) -> Result<impl Responder> {
    set_cache_timeout(until_midnight(SystemTime::now()));
    Ok(web::Json(db.read(data::regions).await?))
}

/// Returns the time until midnight, UTC.
fn until_midnight(now: SystemTime) -> Duration {
    let since_1970 = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Duration::from_secs(86_400 - since_1970.as_secs() % 86_400)
}

/// The password of the page about the cache: `ADMIN_TOKEN`, or a new one for each start.
fn password() -> String {
    let word = || RandomState::new().hash_one(());
    env::var("ADMIN_TOKEN").unwrap_or_else(|_| format!("{:016x}{:016x}", word(), word()))
}

#[actix_web::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let db = web::Data::new(Db::create()?);
    let listener = listen::on_this_machine()?;
    let address = listener.local_addr()?;
    let password = password();
    let access = admin::token(&password);
    let app = move || {
        App::new()
            .app_data(db.clone())
            .service(admin::scope(
                "/cache",
                ResponseCache::global(),
                access.clone(),
            ))
            .service((page, country, search, favourites, random, statistics))
    };
    println!("The page: http://{address}/");
    println!("Try twice: curl -i 'http://{address}/api/search?q=allemange'");
    println!("What the cache does: http://{address}/cache/ (user admin, password {password})");
    Ok(HttpServer::new(app)
        .workers(2)
        .listen(listener)?
        .run()
        .await?)
}
