//! The validators of the stale response that a handler can read.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};
use cached_response::testing::ManualClock;
use cached_response::{CacheResponses, Policy, ResponseCache, context::stale_response};

use super::{BOTH, DATED, MODIFIED, Origin, SHOWN, Scene, TAGGED, VALIDATED};

/// RFC 9111 §4.3.1.
#[actix_web::test]
async fn a_handler_revalidates_by_etag_and_by_date() {
    let service = async |request: HttpRequest| {
        let asked = |name| request.headers().get(name).cloned();
        let asked = [asked("if-none-match"), asked("if-modified-since")];
        let (tag, date) = ("\"1\"", MODIFIED);
        let both = asked == [tag, date].map(|it| Some(HeaderValue::from_static(it)));
        let mut response = HttpResponse::Ok();
        if both {
            response.status(StatusCode::NOT_MODIFIED);
        }
        let response = response.insert_header(("etag", tag));
        response.insert_header(("last-modified", date)).finish()
    };
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    let app = App::new()
        .app_data(cache)
        .wrap(CacheResponses::new(Policy::new(10)))
        .default_service(web::to(service));
    let app = init_service(app).await;
    let get = || call_service(&app, TestRequest::with_uri("/").to_request());
    get().await;
    clock.advance(Duration::from_secs(11));
    assert_eq!(
        get().await.headers().get("cache-status").unwrap(),
        VALIDATED
    );
}

/// A made-up tag as `If-None-Match` would switch `If-Modified-Since` off (RFC 9110 §13.1.3).
#[actix_web::test]
async fn an_automatic_etag_is_not_shown_to_the_handler() {
    let dated = Origin {
        fields: DATED,
        unchanged: &[],
        ..TAGGED
    };
    let neither = Origin {
        fields: &[],
        ..dated
    };
    for target in BOTH {
        let scene = Scene::of(dated).await;
        for _ in 0..3 {
            let live = scene.get(target).await;
            assert_eq!(live.text(), "one");
            assert!(live.header("etag").is_some());
            scene.expire();
        }
        assert_eq!(scene.stage.cache.stats().validated, 2, "{target}");
        let date = Some(MODIFIED.to_owned());
        SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, date.clone(), date]));

        let scene = Scene::of(neither).await;
        scene.get(target).await;
        scene.expire();
        scene.get(target).await;
        SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, None], "{target}"));
    }
}

#[actix_web::test]
async fn an_invalidated_response_is_not_offered_for_validation() {
    for target in BOTH {
        let scene = Scene::of(TAGGED).await;
        scene.get(target).await;
        scene.stage.cache.invalidate_path(target);
        scene.get(target).await;
        SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, None], "{target}"));
    }
}

#[actix_web::test]
async fn after_another_lifetime_nothing_is_left_to_validate() {
    let scene = Scene::of(TAGGED).await;
    scene.get("/page").await;
    scene.clock.advance(Duration::from_secs(21));
    scene.get("/page").await;
    SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, None]));
}

#[actix_web::test]
async fn outside_a_cached_handler_there_is_no_stale_response() {
    assert!(stale_response().is_none());
}
