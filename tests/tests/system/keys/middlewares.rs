//! What middlewares change, insert and leave in the extensions.

use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::test::init_service;
use actix_web::{App, HttpMessage, get, web};
use cached_response::testing::isolated;
use cached_response::{TrackedRequest, cached_response, insert_key_part};

use super::any_page;
use crate::ask::{get as ask_for, get_with, run};

#[cached_response]
async fn tail_of(tail: web::Path<String>) -> String {
    format!("{} {tail}", run())
}

#[actix_web::test]
async fn a_middleware_that_normalises_paths_normalises_keys() {
    let _cache = isolated();
    let app = App::new()
        .wrap(NormalizePath::trim())
        .route("/n/{tail:.*}", web::get().to(tail_of));
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/n/a/b").await.body, "1 a/b");
    assert_eq!(ask_for(&app, "/n//a//b/").await.body, "1 a/b");
    assert_eq!(ask_for(&app, "/n/a%2Fb").await.body, "2 a/b");
}

#[actix_web::test]
async fn parameters_that_a_middleware_changes_are_keyed_as_the_handler_sees_them() {
    let _cache = isolated();
    let app = App::new().service(
        web::resource("/m/{tail}")
            .wrap(from_fn(
                async |mut request: actix_web::dev::ServiceRequest,
                       next: actix_web::middleware::Next<_>| {
                    let tenant = request
                        .headers()
                        .get("x-tenant")
                        .map(|it| it.to_str().unwrap().to_owned());
                    if let Some(tenant) = tenant {
                        *request.match_info_mut() = actix_web::dev::Path::new(
                            actix_web::dev::Url::new("/".parse().unwrap()),
                        );
                        request.match_info_mut().add_static("tail", tenant);
                    }
                    next.call(request).await
                },
            ))
            .route(web::get().to(tail_of)),
    );
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/m/x").await.body, "1 x");
    assert_eq!(
        get_with(&app, "/m/x", ("x-tenant", "evil")).await.body,
        "2 evil"
    );
    assert_eq!(ask_for(&app, "/m/x").await.body, "1 x");
}

#[actix_web::test]
async fn parts_that_a_middleware_inserts_are_keyed() {
    let _cache = isolated();
    let app = App::new()
        .wrap_fn(|request, service| {
            use actix_web::dev::Service as _;
            if let Some(tenant) = request.headers().get("x-tenant") {
                insert_key_part(&request, tenant.to_str().unwrap());
            }
            service.call(request)
        })
        .service(any_page);
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/").await.body, "1");
    assert_eq!(get_with(&app, "/", ("x-tenant", "a")).await.body, "2");
    assert_eq!(get_with(&app, "/", ("x-tenant", "b")).await.body, "3");
    assert_eq!(get_with(&app, "/", ("x-tenant", "")).await.body, "4");
    assert_eq!(get_with(&app, "/", ("x-tenant", "a")).await.body, "2");
    assert_eq!(ask_for(&app, "/").await.body, "1");
}

#[get("/extended")]
#[cached_response]
async fn extended(request: TrackedRequest) -> String {
    format!("{} {:?}", run(), request.extension::<u32>())
}

#[actix_web::test]
async fn a_value_in_the_extensions_selects_the_response_that_read_it() {
    let _cache = isolated();
    let app = App::new()
        .wrap_fn(|request, service| {
            use actix_web::dev::Service as _;
            if let Some(number) = request.headers().get("x-number") {
                let number: u32 = number.to_str().unwrap().parse().unwrap();
                request.extensions_mut().insert(number);
            }
            service.call(request)
        })
        .service(extended);
    let app = init_service(app).await;
    assert_eq!(ask_for(&app, "/extended").await.body, "1 None");
    assert_eq!(
        get_with(&app, "/extended", ("x-number", "7")).await.body,
        "2 Some(7)"
    );
    assert_eq!(
        get_with(&app, "/extended", ("x-number", "8")).await.body,
        "3 Some(8)"
    );
    assert_eq!(
        get_with(&app, "/extended", ("x-number", "7")).await.body,
        "2 Some(7)"
    );
    assert_eq!(ask_for(&app, "/extended").await.body, "1 None");
}
