//! Step 11: a value that several pages need.

use std::collections::BTreeMap;
use std::convert::Infallible;

use actix_web::error::ErrorNotFound;
use actix_web::{Responder, Result, get, web};
use cached_response::ResponseCache;

type Rates = BTreeMap<String, f64>;

/// The rates of today: computed once a minute, for all requests.
async fn rates(cache: &ResponseCache) -> Result<Rates, Infallible> {
    let compute = || async {
        let rates = [("EUR", 1.17), ("JPY", 0.0066), ("run", crate::run().into())];
        Ok(rates.map(|(name, rate)| (name.to_owned(), rate)).into())
    };
    cache.get_or_compute("rates", 60, compute).await
}

#[get("/rates")]
pub(crate) async fn all(cache: web::Data<ResponseCache>) -> Result<impl Responder> {
    Ok(web::Json(rates(&cache).await?))
}

#[get("/rates/{name}")]
pub(crate) async fn one(
    name: web::Path<String>,
    cache: web::Data<ResponseCache>,
) -> Result<impl Responder> {
    let rate = rates(&cache).await?.remove(&*name);
    let rate = rate.ok_or_else(|| ErrorNotFound("no such currency\n"))?;
    Ok(format!("{name}: {rate}\n"))
}
