//! What is meant by a text that names something, and what names nothing.

use actix_web::middleware::{NormalizePath, TrailingSlash};
use actix_web::test::init_service;
use actix_web::{App, get, web};
use cached_response::{InvalidationError, ResponseCache, cached_response};

use crate::ask::{get as ask_for, run};

#[get("/{tail:.*}")]
#[cached_response(query = all)]
async fn page(tail: web::Path<String>) -> String {
    format!("{} {tail}", run())
}

/// Whether `target` is answered from the store, behind `NormalizePath`, after `invalidate`.
async fn survives(
    slash: TrailingSlash,
    target: &str,
    invalidate: impl AsyncFnOnce(&ResponseCache),
) -> bool {
    let cache = ResponseCache::builder().build();
    let app = App::new().app_data(cache.clone()).service(page);
    let app = init_service(app.wrap(NormalizePath::new(slash))).await;
    ask_for(&app, target).await;
    assert!(ask_for(&app, target).await.is_hit(), "{target}");
    invalidate(&cache).await;
    ask_for(&app, target).await.is_hit()
}

#[actix_web::test]
async fn a_path_is_meant_however_it_is_written_and_normalised() {
    use TrailingSlash::{Always, MergeOnly, Trim};
    for (slash, target, named) in [
        (MergeOnly, "/plain", "http://x.test/plain"),
        (MergeOnly, "/plain", "https://x.test/plain#top"),
        (MergeOnly, "/plain?a=1", "http://x.test/plain?a=1"),
        (MergeOnly, "/plain", "plain"),
        (MergeOnly, "/plain?a=1", "/plain?b=2"),
        (MergeOnly, "/plain/", "/plain"),
        (Trim, "/v/", "/v/"),
        (Trim, "/v", "/v/"),
        (Trim, "/a//b/", "/a//b/"),
        (Always, "/v", "/v"),
        (MergeOnly, "/", "http://x.test"),
    ] {
        let by_path = async |cache: &ResponseCache| cache.invalidate_path(named).await.unwrap();
        assert!(!survives(slash, target, by_path).await, "{target} {named}");
        let expired = async |cache: &ResponseCache| cache.expire_path(named).await.unwrap();
        assert!(!survives(slash, target, expired).await, "{target} {named}");
    }
    for (slash, target, named) in [
        (MergeOnly, "/plain?a=1", "http://x.test/plain?a=1"),
        (Trim, "/v/?a=1", "/v/?a=1"),
        (Always, "/v?a=1", "/v?a=1#top"),
    ] {
        let by_url = async |cache: &ResponseCache| cache.invalidate_url(named).await.unwrap();
        assert!(!survives(slash, target, by_url).await, "{target} {named}");
        let expired = async |cache: &ResponseCache| cache.expire_url(named).await.unwrap();
        assert!(!survives(slash, target, expired).await, "{target} {named}");
    }
    let other = async |cache: &ResponseCache| cache.invalidate_path("/v/a").await.unwrap();
    assert!(survives(MergeOnly, "/v", other).await);
}

#[actix_web::test]
async fn an_empty_name_is_an_error_that_names_the_correction() {
    let cache = ResponseCache::builder().build();
    for text in ["", "?a=1", "#top"] {
        for outcome in [
            cache.invalidate_path(text).await,
            cache.invalidate_url(text).await,
            cache.expire_path(text).await,
            cache.expire_url(text).await,
        ] {
            let Err(InvalidationError::Nameless(why)) = outcome else {
                panic!("{text:?}: {outcome:?}");
            };
            assert!(why.contains("write"), "{why}");
        }
    }
    for tag in [String::new(), "x".repeat(257)] {
        for outcome in [
            cache.invalidate_tag(&tag).await,
            cache.expire_tag(&tag).await,
        ] {
            assert!(
                matches!(outcome, Err(InvalidationError::Nameless(_))),
                "{outcome:?}"
            );
        }
    }
    assert_eq!(cache.stats().invalidations, 0);
}

#[actix_web::test]
async fn a_valid_name_beside_an_empty_one_is_invalidated() {
    let cache = ResponseCache::builder().build();
    let outcome = cache.invalidate_tags(["", "a"]).await;
    assert!(
        matches!(outcome, Err(InvalidationError::Nameless(_))),
        "{outcome:?}"
    );
    assert_eq!(cache.stats().invalidations, 1);
}
