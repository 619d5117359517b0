//! Invalidations between the extraction of arguments and the start of the run.

use std::cell::Cell;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, get, web};
use cached_response::testing::ManualClock;
use cached_response::{
    Invalidation, ResponseCache, cached_response, context::stale_response, context::tag,
};
use tests::stage::{Stage, soon};

use super::Invalidate;

thread_local!(static DATA: Cell<u32> = const { Cell::new(1) });

/// An argument that reads the data of the handler.
struct Row(u32);

impl FromRequest for Row {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let stage = request.app_data::<web::Data<Stage>>().cloned();
        Box::pin(async move {
            let read = Self(DATA.get());
            stage.unwrap().barriers.at("extracted").await;
            Ok(read)
        })
    }
}

#[get("/shop/row")]
#[cached_response(timeout = 60, unkeyed(row), query(page), tags("rows"))]
async fn row(row: Row) -> HttpResponse {
    let etag = format!("\"{}\"", row.0);
    if let Some(stored) = stale_response()
        && stored.etag().is_some_and(|stored| *stored == etag)
    {
        return stored.not_modified();
    }
    tag("named-by-the-handler");
    HttpResponse::Ok()
        .insert_header(("etag", etag))
        .body(format!("row {}", row.0))
}

const URL: &str = "/shop/row?page=2";

/// Ways to invalidate and to expire the row.
const REACHING: [Invalidate; 14] = [
    |cache| cache.invalidate_all(),
    |cache| cache.invalidate_path("/shop/row"),
    |cache| cache.invalidate_url(URL),
    |cache| cache.invalidate_prefix("/shop"),
    |cache| cache.invalidate_route(row),
    |cache| cache.invalidate_tag("rows"),
    |cache| cache.invalidate_tag("named-by-the-handler"),
    |cache| cache.expire_all(),
    |cache| cache.expire_path("/shop/row"),
    |cache| cache.expire_url(URL),
    |cache| cache.expire_prefix("/shop"),
    |cache| cache.expire_route(row),
    |cache| cache.expire_tag("rows"),
    |cache| cache.expire_tag("named-by-the-handler"),
];

const OTHERS: [Invalidate; 4] = [
    |cache| cache.invalidate_path("/shop/other"),
    |cache| cache.invalidate_prefix("/other"),
    |cache| cache.invalidate_route("/other"),
    |cache| cache.invalidate_tag("other"),
];

/// Invalidates while the argument of a request is extracted. Returns the answer to the next request.
async fn row_after(invalidate: impl FnOnce(&ResponseCache) -> Invalidation) -> String {
    DATA.set(1);
    let stage = Stage::new(ResponseCache::builder().build());
    let app = stage.app(|app| _ = app.service(row)).await;
    let asked = app.get(URL);
    soon("it is extracted", || stage.barriers.count("extracted") == 1).await;
    DATA.set(2);
    invalidate(&stage.cache).await.unwrap();
    stage.barriers.release("extracted");
    assert_eq!(asked.text().await, "row 1");
    app.get(URL).text().await
}

#[actix_web::test]
async fn a_stored_response_is_not_validated_by_arguments_from_before_an_expiry() {
    DATA.set(1);
    let clock = ManualClock::new();
    let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
    let app = stage.app(|app| _ = app.service(row)).await;
    stage.barriers.let_pass("extracted", 1);
    assert_eq!(app.get(URL).text().await, "row 1");
    clock.advance(Duration::from_secs(61));
    let asked = app.get(URL);
    soon("it is extracted", || stage.barriers.count("extracted") == 2).await;
    DATA.set(2);
    stage
        .cache
        .expire_tag("named-by-the-handler")
        .await
        .unwrap();
    stage.barriers.release("extracted");
    assert_eq!(asked.text().await, "row 1");
    assert_eq!(app.get(URL).text().await, "row 2");
}

/// No response is older than an acknowledged invalidation.
#[actix_web::test]
async fn arguments_that_were_extracted_before_an_invalidation_are_not_stored_after_it() {
    for (n, invalidate) in REACHING.into_iter().enumerate() {
        assert_eq!(row_after(invalidate).await, "row 2", "{n}");
    }
}

#[actix_web::test]
async fn an_invalidation_of_something_else_leaves_them_storable() {
    for (n, invalidate) in OTHERS.into_iter().enumerate() {
        assert_eq!(row_after(invalidate).await, "row 1", "{n}");
    }
}
