//! Requests with `Authorization`.

use actix_web::test::init_service;
use actix_web::{App, HttpRequest, HttpResponse, Responder, get, web};
use cached_response::{Skip, TrackedRequest, cached_response, testing::isolated};

use super::{TOKEN, User, seeing};
use crate::ask::{get as ask_for, get_with, run};

#[get("/plain")]
#[cached_response]
async fn plain() -> String {
    run().to_string()
}

/// A request with credentials neither gets an anonymous response nor leaves one.
#[actix_web::test]
async fn a_request_with_authorization_is_neither_answered_from_the_store_nor_stored() {
    for target in ["/plain", "/seeing"] {
        let cache = isolated();
        let app = init_service(App::new().service(plain).service(seeing)).await;
        let before = get_with(&app, target, TOKEN).await;
        assert_eq!(before.detail().unwrap(), "authorization");
        assert_eq!(cache.cache().stats().entries, 0);
        let anonymous = ask_for(&app, target).await;
        assert!(!anonymous.is_hit());
        let after = get_with(&app, target, TOKEN).await;
        assert!(!after.is_hit() && after.body != anonymous.body);
        assert_eq!(ask_for(&app, target).await.body, anonymous.body);
        let stats = cache.cache().stats();
        assert_eq!((stats.stored, stats.skipped(Skip::Authorization)), (1, 2));
    }
}

#[get("/varied")]
#[cached_response(vary("authorization"))]
async fn varied(_request: HttpRequest) -> String {
    run().to_string()
}

/// A request with credentials neither gets an anonymous response nor leaves one.
#[actix_web::test]
async fn a_route_that_varies_by_authorization_has_a_response_for_each() {
    let _cache = isolated();
    let app = init_service(App::new().service(varied)).await;
    assert_eq!(ask_for(&app, "/varied").await.body, "1");
    let first = get_with(&app, "/varied", TOKEN).await;
    assert_eq!(first.body, "2");
    assert_eq!(first.header("vary").unwrap(), "authorization");
    let bob = ("authorization", "Bearer bob");
    assert_eq!(get_with(&app, "/varied", bob).await.body, "3");
    assert_eq!(get_with(&app, "/varied", TOKEN).await.body, "2");
    assert_eq!(ask_for(&app, "/varied").await.body, "1");
}

#[get("/read")]
#[cached_response]
async fn read(request: TrackedRequest) -> String {
    format!("{} {:?}", run(), request.header("authorization"))
}

/// A request with credentials neither gets an anonymous response nor leaves one.
#[actix_web::test]
async fn reading_authorization_does_not_make_it_storable() {
    let cache = isolated();
    let app = init_service(App::new().service(read)).await;
    assert_eq!(
        get_with(&app, "/read", TOKEN).await.body,
        "1 Some(\"Bearer alice\")"
    );
    assert_eq!(
        get_with(&app, "/read", TOKEN).await.body,
        "2 Some(\"Bearer alice\")"
    );
    assert_eq!(ask_for(&app, "/read").await.body, "3 None");
    assert_eq!(
        get_with(&app, "/read", TOKEN).await.body,
        "4 Some(\"Bearer alice\")"
    );
    assert_eq!(ask_for(&app, "/read").await.body, "3 None");
    assert_eq!(cache.cache().stats().stored, 1);
}

#[get("/mine")]
#[cached_response(key(user.id))]
async fn mine(user: User) -> String {
    format!("{} {}", run(), user.id)
}

/// A request with credentials neither gets an anonymous response nor leaves one.
#[actix_web::test]
async fn a_route_that_keys_its_user_stores_with_authorization() {
    let _cache = isolated();
    let app = init_service(App::new().service(mine)).await;
    for _ in 0..2 {
        assert_eq!(get_with(&app, "/mine", TOKEN).await.body, "1 alice");
    }
    let cookie = ("cookie", "session=alice");
    assert_eq!(get_with(&app, "/mine", cookie).await.body, "1 alice");
    assert_eq!(ask_for(&app, "/mine").await.status, 401);
}

#[get("/says/{what}")]
#[cached_response]
async fn says(what: web::Path<String>) -> impl Responder {
    HttpResponse::Ok()
        .insert_header(("cache-control", what.replace('_', "=")))
        .body(run().to_string())
}

/// A request with credentials neither gets an anonymous response nor leaves one.
#[actix_web::test]
async fn a_response_that_allows_it_is_shared_with_authorization() {
    let _cache = isolated();
    let app = init_service(App::new().service(says)).await;
    for (what, open) in [
        ("public", true),
        ("s-maxage_60", true),
        ("must-revalidate", true),
        ("max-age_60", false),
        ("public_no", false),
        ("public, private", false),
        ("proxy-revalidate", false),
    ] {
        let target = format!("/says/{}", what.replace(", ", ",%20"));
        let first = get_with(&app, &target, TOKEN).await;
        assert_eq!(ask_for(&app, &target).await.is_hit(), open, "{what}");
        let again = get_with(&app, &target, TOKEN).await;
        assert_eq!(
            (again.is_hit(), again.body == first.body),
            (open, open),
            "{what}"
        );
    }
}
