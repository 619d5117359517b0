//! The cache that a handler invalidates in: that of the readers.

use actix_web::{
    App, Responder, get, post,
    test::{TestRequest, call_service, init_service},
    web,
};
use cached_response::{ResponseCache, cached_response, invalidates, testing::isolated};
use std::sync::LazyLock;

static OWN: LazyLock<ResponseCache> = LazyLock::new(|| ResponseCache::builder().build());

#[post("/")]
#[invalidates(path("/"))]
async fn write() -> impl Responder {
    "written"
}

#[post("/own")]
#[invalidates(path("/own"), cache = OWN)]
async fn write_own() -> impl Responder {
    "written"
}

#[post("/given")]
#[invalidates(path("/given"), cache = **given)]
async fn write_given(given: web::Data<LazyLock<ResponseCache>>) -> impl Responder {
    drop(given);
    "written"
}

/// Returns the number of invalidations in each cache by one POST.
async fn counted<const N: usize>(
    uri: &str,
    configure: impl FnOnce(&mut web::ServiceConfig),
    caches: [&ResponseCache; N],
) -> [u64; N] {
    let before = caches.map(|cache| cache.stats().invalidations);
    let app = App::new()
        .configure(configure)
        .service(write)
        .service(write_own)
        .service(write_given);
    let app = init_service(app).await;
    call_service(&app, TestRequest::post().uri(uri).to_request()).await;
    let mut after = caches.map(|cache| cache.stats().invalidations);
    for (after, before) in after.iter_mut().zip(before) {
        *after -= before;
    }
    after
}

#[actix_web::test]
async fn the_default_cache_is_invalidated_without_an_option() {
    let default = isolated();
    let default = default.cache();
    assert_eq!(counted("/", |_| {}, [default]).await, [1]);
}

#[actix_web::test]
async fn the_cache_of_the_application_is_preferred_to_the_default() {
    let default = isolated();
    let own = ResponseCache::builder().build();
    let bare = |app: &mut web::ServiceConfig| _ = app.app_data(own.clone());
    assert_eq!(counted("/", bare, [default.cache(), &own]).await, [0, 1]);
    let wrapped = |app: &mut web::ServiceConfig| _ = app.app_data(web::Data::new(own.clone()));
    assert_eq!(counted("/", wrapped, [default.cache(), &own]).await, [0, 1]);
}

#[actix_web::test]
async fn the_cache_of_the_attribute_is_preferred_to_both() {
    let default = isolated();
    let own = ResponseCache::builder().build();
    let bare = |app: &mut web::ServiceConfig| _ = app.app_data(own.clone());
    let counts = counted("/own", bare, [default.cache(), &own, &OWN]).await;
    assert_eq!(counts, [0, 0, 1]);
}

#[actix_web::test]
async fn the_cache_of_the_attribute_may_be_an_argument() {
    let given = ResponseCache::builder().build();
    let handle = given.clone();
    let lazy: LazyLock<ResponseCache> = LazyLock::new(|| ResponseCache::builder().build());
    let shared = web::Data::new(lazy);
    let cache: &ResponseCache = &shared;
    let configure =
        |app: &mut web::ServiceConfig| _ = app.app_data(handle).app_data(shared.clone());
    assert_eq!(counted("/given", configure, [&given, cache]).await, [0, 1]);
}

mod unit_tests {
    use super::{App, Responder, TestRequest, cached_response, call_service, get, init_service};
    use cached_response::invalidates;
    use std::cell::Cell;

    thread_local! {
        static RUNS: Cell<u32> = const { Cell::new(0) };
    }

    #[get("/unit")]
    #[cached_response]
    async fn read() -> impl Responder {
        RUNS.set(RUNS.get() + 1);
        RUNS.get().to_string()
    }

    #[actix_web::post("/unit")]
    #[invalidates(all)]
    async fn write() -> impl Responder {
        "written"
    }

    /// In a unit test of the crate of the handlers, the default cache is that of the thread.
    #[actix_web::test]
    async fn a_reader_and_a_writer_in_a_unit_test_use_the_cache_of_the_thread() {
        let app = init_service(App::new().service(read).service(write)).await;
        let ask = || TestRequest::get().uri("/unit").to_request();
        for (age, run) in [(false, 1), (true, 1)] {
            let answer = call_service(&app, ask()).await;
            assert_eq!(
                (answer.headers().contains_key("age"), RUNS.get()),
                (age, run)
            );
        }
        call_service(&app, TestRequest::post().uri("/unit").to_request()).await;
        assert!(
            !call_service(&app, ask())
                .await
                .headers()
                .contains_key("age")
        );
        assert_eq!(RUNS.get(), 2);
    }
}
