//! What is read for a body that streams.

use actix_web::test::init_service;
use actix_web::{App, HttpMessage, HttpResponse, get, web};
use cached_response::testing::isolated;
use cached_response::{TrackedRequest, cached_response};
use futures_util::stream;

use crate::ask::{get as ask_for, get_with, run};

#[get("/late")]
#[cached_response]
async fn late(request: TrackedRequest) -> HttpResponse {
    let body = stream::once(async move {
        let text = format!("{} {:?}", run(), request.header("x-tenant"));
        Ok::<_, actix_web::Error>(web::Bytes::from(text))
    });
    HttpResponse::Ok().streaming(Box::pin(body))
}

#[actix_web::test]
async fn a_value_read_by_a_streaming_body_selects_and_is_in_vary() {
    let _cache = isolated();
    let app = init_service(App::new().service(late)).await;
    let of = async |tenant: &'static str| get_with(&app, "/late", ("x-tenant", tenant)).await;
    assert_eq!(of("a").await.body, "1 Some(\"a\")");
    assert_eq!(of("b").await.body, "2 Some(\"b\")");
    let hit = of("a").await;
    assert_eq!((hit.body.as_str(), hit.is_hit()), ("1 Some(\"a\")", true));
    assert_eq!(hit.header("vary").as_deref(), Some("x-tenant"));
}

#[get("/changing")]
#[cached_response]
async fn changing(request: TrackedRequest) -> HttpResponse {
    let tenant = request.extension::<String>();
    let body = stream::iter([Ok::<_, actix_web::Error>(web::Bytes::from(format!(
        "{tenant:?}"
    )))]);
    HttpResponse::Ok().streaming(body)
}

#[actix_web::test]
async fn a_value_that_a_middleware_takes_away_again_is_not_forgotten() {
    let _cache = isolated();
    let app = App::new()
        .wrap_fn(|request, service| {
            use actix_web::dev::Service as _;
            if let Some(tenant) = request.headers().get("x-tenant") {
                let tenant = tenant.to_str().unwrap().to_owned();
                request.extensions_mut().insert(tenant);
            }
            let called = service.call(request);
            async move {
                let response = called.await?;
                response.request().extensions_mut().remove::<String>();
                Ok(response)
            }
        })
        .service(changing);
    let app = init_service(app).await;
    let evil = get_with(&app, "/changing", ("x-tenant", "evil")).await;
    assert_eq!(evil.body, "Some(\"evil\")");
    assert_eq!(ask_for(&app, "/changing").await.body, "None");
}
