//! A value that several pages need: computed once, and shared.
//!
//! Run `cargo run --example values`, then the commands that it prints.

use std::collections::BTreeMap;
use std::io;

use actix_web::error::{BlockingError, ErrorNotFound};
use actix_web::{App, HttpServer, Result, get, post, web};
use cached_response::{Policy, ResponseCache, invalidates};
use examples::listen;
use keshvar::CountryIterator;

/// Number of provinces, states and districts of each country of a region.
type Region = BTreeMap<String, usize>;

/// Reads every country and all of its parts. This is too slow to repeat for each page.
fn count() -> BTreeMap<String, Region> {
    let mut regions = BTreeMap::<String, Region>::new();
    for country in CountryIterator::new() {
        let region = country.maybe_region().map(|region| region.to_string());
        let parts = country.subdivisions().len();
        let region = regions.entry(region.unwrap_or_default()).or_default();
        region.insert(country.iso_short_name().to_owned(), parts);
    }
    regions
}

async fn regions(cache: &ResponseCache) -> Result<BTreeMap<String, Region>, BlockingError> {
    let policy = Policy::new(3600).stale_if_error(86_400).tags(["geography"]);
    cache
        .get_or_compute("regions", policy, || web::block(count))
        .await
}

#[get("/regions")]
async fn list(cache: web::Data<ResponseCache>) -> Result<web::Json<Vec<String>>> {
    Ok(web::Json(regions(&cache).await?.into_keys().collect()))
}

#[get("/regions/{name}")]
async fn one(
    name: web::Path<String>,
    cache: web::Data<ResponseCache>,
) -> Result<web::Json<Region>> {
    let found = regions(&cache).await?.remove(&*name);
    found
        .map(web::Json)
        .ok_or_else(|| ErrorNotFound("no such region"))
}

#[post("/regions")]
#[invalidates(tags("geography"))]
async fn changed(cache: web::Data<ResponseCache>) -> String {
    let stats = cache.stats().values;
    format!(
        "computed {} times, shared {} times\n",
        stats.stored, stats.hits
    )
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let cache = ResponseCache::builder().build();
    let data = web::Data::new(cache.clone());
    let app = move || {
        let app = App::new().app_data(cache.clone()).app_data(data.clone());
        app.service(list).service(one).service(changed)
    };
    let listener = listen::on_this_machine()?;
    let pages = format!("http://{}/regions", listener.local_addr()?);
    println!("Try:       curl {pages}; curl {pages}/europe");
    println!("and then:  curl -X POST {pages}");
    HttpServer::new(app).listen(listener)?.run().await
}
