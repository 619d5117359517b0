//! Step 12: tests of your own handlers.

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
use actix_web::{App, web};
use cached_response::ResponseCache;
use cached_response::testing::{ManualClock, isolated_with};

use crate::{me, notes, products, rates};

#[actix_web::test]
async fn a_second_request_for_a_page_is_a_hit_for_a_minute() {
    let clock = ManualClock::new();
    let _cache = isolated_with(ResponseCache::builder().clock(&clock).build());
    let app = init_service(App::new().service(products::products)).await;
    let request = || TestRequest::with_uri("/products?page=1").to_request();

    let first = call_and_read_body(&app, request()).await;
    assert_eq!(call_and_read_body(&app, request()).await, first);
    clock.advance(std::time::Duration::from_secs(61));
    assert_ne!(call_and_read_body(&app, request()).await, first);
}

#[actix_web::test]
async fn no_user_sees_the_page_of_another() {
    let app = init_service(App::new().service(me::me)).await;
    let request = |user: &str| {
        let token = ("authorization", format!("Bearer {user}"));
        TestRequest::with_uri("/me")
            .insert_header(token)
            .to_request()
    };

    let alice = call_and_read_body(&app, request("alice")).await;
    let bob = call_and_read_body(&app, request("bob")).await;
    assert!(alice.starts_with(b"the page of alice") && bob.starts_with(b"the page of bob"));
    assert_eq!(call_and_read_body(&app, request("alice")).await, alice);

    let anonymous = TestRequest::with_uri("/me").to_request();
    let anonymous = call_service(&app, anonymous).await;
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn a_new_note_is_in_the_list() {
    let app = App::new().app_data(notes::Notes::default());
    let app = init_service(app.service((notes::list, notes::add))).await;
    let read = || TestRequest::with_uri("/notes").to_request();

    call_service(&app, read()).await;
    let write = TestRequest::post().uri("/notes").set_payload("buy tea");
    call_service(&app, write.to_request()).await;
    let notes = call_and_read_body(&app, read()).await;
    assert!(notes.starts_with(b"buy tea"), "{notes:?}");
}

#[actix_web::test]
async fn all_pages_show_the_same_rates() {
    let cache = ResponseCache::builder().build();
    let app = App::new().app_data(web::Data::new(cache.clone()));
    let app = init_service(app.service((rates::all, rates::one))).await;

    for page in ["/rates", "/rates/EUR", "/rates"] {
        let page = TestRequest::with_uri(page).to_request();
        assert!(call_service(&app, page).await.status().is_success());
    }
    let values = cache.stats().values;
    assert_eq!((values.stored, values.hits), (1, 2));
}
