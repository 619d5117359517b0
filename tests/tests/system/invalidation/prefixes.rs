//! Invalidation by prefixes of paths.

use actix_web::{App, Responder, get, test::init_service, web};
use cached_response::{Invalidation, InvalidationError, ResponseCache, cached_response};

use crate::ask::get;

#[get("/{path:.*}")]
#[cached_response(timeout = 60, query = all)]
async fn any(path: web::Path<String>) -> impl Responder {
    path.into_inner()
}

const URIS: [&str; 9] = [
    "/catalogue",
    "/catalogue/",
    "/catalogue?page=2",
    "/catalogue/1/prices",
    "//catalogue//2",
    "/%63atalogue/3",
    "/catalogues",
    "/cataloguex/1",
    "/",
];

/// Which of [`URIS`] this leaves.
async fn left(invalidate: impl Fn(&ResponseCache) -> Invalidation) -> Vec<&'static str> {
    let cache = ResponseCache::builder().build();
    let app = init_service(App::new().app_data(cache.clone()).service(any)).await;
    for uri in URIS.repeat(3) {
        get(&app, uri).await;
    }
    invalidate(&cache).await.unwrap();
    let mut left = Vec::new();
    for uri in URIS {
        if get(&app, uri).await.is_hit() {
            left.push(uri);
        }
    }
    left
}

#[actix_web::test]
async fn a_prefix_reaches_whole_segments() {
    for prefix in [
        "/catalogue/",
        "/catalogue",
        "catalogue",
        "/%63atalogue",
        "//catalogue?a=1",
    ] {
        let left_by = [
            left(|cache| cache.invalidate_prefix(prefix)).await,
            left(|cache| cache.expire_prefix(prefix)).await,
        ];
        for left in left_by {
            assert_eq!(left, ["/catalogues", "/cataloguex/1", "/"], "{prefix}");
        }
    }
    let left = left(|cache| cache.invalidate_prefix("/catalogue/1")).await;
    assert_eq!(left.len(), URIS.len() - 1);
}

#[actix_web::test]
async fn the_root_is_everything() {
    assert_eq!(left(|cache| cache.invalidate_prefix("/")).await, [""; 0]);
    assert_eq!(left(|cache| cache.expire_prefix("/")).await, [""; 0]);
}

#[actix_web::test]
async fn a_long_prefix_reaches_what_its_first_six_segments_do() {
    let cache = ResponseCache::builder().build();
    let app = init_service(App::new().app_data(cache.clone()).service(any)).await;
    let uris = [
        "/1/2/3/4/5/6/7/8/9",
        "/1/2/3/4/5/6/x",
        "/1/2/3/4/5/6",
        "/1/2/3/4/5/x/7",
    ];
    for uri in uris {
        get(&app, uri).await;
    }
    cache.invalidate_prefix("/1/2/3/4/5/6/7/8").await.unwrap();
    for (uri, hit) in uris.into_iter().zip([false, false, true, true]) {
        assert_eq!(get(&app, uri).await.is_hit(), hit, "{uri}");
    }
}

#[actix_web::test]
async fn a_text_without_a_path_is_an_error() {
    let cache = ResponseCache::builder().build();
    for text in ["", "?a=1", "#top"] {
        let outcome = cache.invalidate_prefix(text).await;
        assert!(
            matches!(outcome, Err(InvalidationError::Nameless(_))),
            "{text}"
        );
    }
}
