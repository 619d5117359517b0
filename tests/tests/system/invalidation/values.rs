//! Tags that are named after a path parameter are named after its value.

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, get, put, web};
use cached_response::{
    Invalidations, Policy, ResponseCache, cached, cached_response, invalidates, invalidating,
};

use crate::ask::{get as ask_for, run};

#[get("/p/{id}")]
#[cached_response(tags("p:{id}"))]
async fn number(id: web::Path<u32>) -> String {
    format!("{} {id}", run())
}

#[get("/text/{id}")]
#[cached_response(tags("text:{id}"))]
async fn text(id: web::Path<String>) -> String {
    format!("{} {id}", run())
}

#[put("/p/{id}")]
#[invalidates(tags("p:{id}"), path("/p/{id}"))]
async fn change(id: web::Path<u32>) -> String {
    id.to_string()
}

/// Which of these are answered from the store after `invalidate`.
async fn survivors(targets: [&str; 3], invalidate: impl AsyncFnOnce(&ResponseCache)) -> [bool; 3] {
    let cache = ResponseCache::builder().build();
    let wrapped = cached(
        Policy::new(60).tags(["p:{id}"]),
        |id: web::Path<i64>| async move { format!("{} {id}", run()) },
    );
    let change_it = invalidating(Invalidations::new().tags(["p:{id}"]), change_plainly);
    let app = App::new()
        .app_data(cache.clone())
        .service((number, text))
        .route("/cached/{id}", web::get().to(wrapped))
        .route("/changed/{id}", web::put().to(change_it))
        .service(change);
    let app = init_service(app).await;
    for target in targets {
        ask_for(&app, target).await;
        assert!(ask_for(&app, target).await.is_hit(), "{target}");
    }
    invalidate(&cache).await;
    for uri in CHANGED.take().into_iter().flatten() {
        let request = TestRequest::put().uri(uri).to_request();
        assert_eq!(call_service(&app, request).await.status(), 200);
    }
    let mut hits = [false; 3];
    for (hit, target) in hits.iter_mut().zip(targets) {
        *hit = ask_for(&app, target).await.is_hit();
    }
    hits
}

async fn change_plainly(id: web::Path<u32>) -> String {
    id.to_string()
}

thread_local! {
    /// What is changed by a request.
    static CHANGED: std::cell::Cell<Option<Vec<&'static str>>> = const { std::cell::Cell::new(None) };
}

#[actix_web::test]
async fn a_tag_of_a_number_reaches_it_however_it_was_sent() {
    let seven = async |cache: &ResponseCache| cache.invalidate_tag("p:7").await.unwrap();
    let hits = survivors(["/p/007", "/p/+7", "/p/8"], seven).await;
    assert_eq!(hits, [false, false, true]);
    let hits = survivors(["/cached/007", "/cached/%2B7", "/cached/-7"], seven).await;
    assert_eq!(hits, [false, false, true]);
}

#[actix_web::test]
async fn a_tag_of_a_text_is_that_text() {
    let seven = async |cache: &ResponseCache| cache.invalidate_tag("text:7").await.unwrap();
    let hits = survivors(["/text/7", "/text/007", "/text/+7"], seven).await;
    assert_eq!(hits, [false, true, true]);
}

#[actix_web::test]
async fn a_handler_that_writes_reaches_a_number_however_it_was_sent() {
    for uri in ["/p/7", "/p/007", "/changed/0007", "/changed/+7"] {
        CHANGED.set(Some(vec![uri]));
        let hits = survivors(["/p/007", "/p/+7", "/p/8"], async |_| {}).await;
        assert_eq!(hits, [false, false, true], "{uri}");
    }
}
