//! Roles by the type of an argument.

use std::future::{Ready, ready};

use actix_web::dev::{Payload, PeerAddr};
use actix_web::http::header;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, FromRequest, HttpRequest, web};
use cached_response::testing::isolated;
use cached_response::{Bypass, Gate, KeyPart, Keyed, Lazy, Policy, Unkeyed, cached};

use super::Costly;
use crate::ask::{ask, get as ask_for, get_with, run};

#[derive(KeyPart)]
struct Tenant {
    name: String,
    level: Option<u8>,
}

impl FromRequest for Tenant {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let named = |name: &str| request.headers().get(name).map(|it| it.to_str().unwrap());
        ready(Ok(Self {
            name: named("x-tenant").unwrap_or_default().to_owned(),
            level: named("x-level").map(|level| level.parse().unwrap()),
        }))
    }
}

#[actix_web::test]
async fn role_types_work_as_the_options_of_the_attribute() {
    let cache = isolated();
    let policy = Policy::default;
    let app =
        App::new()
            .route(
                "/keyed",
                web::get().to(cached(policy(), |tenant: Keyed<Tenant>| async move {
                    format!("{} {} {:?}", run(), tenant.name, tenant.level)
                })),
            )
            .route(
                "/unkeyed",
                web::get().to(cached(
                    policy(),
                    |peer: Unkeyed<Option<PeerAddr>>| async move {
                        format!("{} {}", run(), peer.is_some())
                    },
                )),
            )
            .route(
                "/lazy",
                web::get().to(cached(
                    policy(),
                    |costly: Lazy<Unkeyed<Costly>>| async move {
                        costly.extract().await.map(|costly| costly.0.0.to_string())
                    },
                )),
            )
            .route(
                "/gate",
                web::get().to(cached(
                    policy(),
                    |_: Gate<Costly>, at: web::Path<()>| async move {
                        let () = *at;
                        run().to_string()
                    },
                )),
            );
    let app = init_service(app).await;
    let keyed = async |name: &str, level: Option<&str>| {
        let request = TestRequest::with_uri("/keyed").append_header(("x-tenant", name));
        let request = level.iter().fold(request, |request, level| {
            request.append_header(("x-level", *level))
        });
        ask(&app, request).await.body
    };
    assert_eq!(keyed("a", None).await, "1 a None");
    assert_eq!(keyed("a", Some("1")).await, "2 a Some(1)");
    assert_eq!(keyed("b", None).await, "3 b None");
    assert_eq!(keyed("a", None).await, "1 a None");
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/unkeyed").await.body, "4 false");
    }
    for _ in 0..2 {
        assert_eq!(ask_for(&app, "/lazy").await.body, "5");
    }
    assert_eq!(ask_for(&app, "/gate").await.body, "7");
    assert_eq!(ask_for(&app, "/gate").await.body, "7");
    assert_eq!(run(), 9);
    assert_eq!(cache.cache().stats().entries, 6);
}

#[actix_web::test]
async fn an_unkeyed_request_bypasses_in_every_wrapper() {
    let cache = isolated();
    let shown =
        |request: &HttpRequest| format!("{} {:?}", run(), request.headers().get(header::COOKIE));
    let _ = shown;
    let app = App::new()
        .route(
            "/plain",
            web::get().to(cached(
                Policy::default(),
                |it: Unkeyed<HttpRequest>| async move { show(&it) },
            )),
        )
        .route(
            "/option",
            web::get().to(cached(
                Policy::default(),
                |it: Unkeyed<Option<HttpRequest>>| async move { it.as_ref().map(show) },
            )),
        )
        .route(
            "/tuple",
            web::get().to(cached(
                Policy::default(),
                |it: Unkeyed<(HttpRequest, web::Path<()>)>| async move { show(&it.0.0) },
            )),
        )
        .route(
            "/result",
            web::get().to(cached(
                Policy::default(),
                |it: Unkeyed<Result<HttpRequest, Error>>| async move { it.as_ref().ok().map(show) },
            )),
        );
    let app = init_service(app).await;
    for target in ["/plain", "/option", "/tuple", "/result"] {
        let alice = get_with(&app, target, ("cookie", "alice")).await;
        assert!(alice.body.contains("alice"));
        let nobody = ask_for(&app, target).await;
        assert_eq!(nobody.detail().as_deref(), Some("undeclared"), "{target}");
        assert!(!nobody.body.contains("alice"));
    }
    assert_eq!(cache.cache().stats().bypassed(Bypass::Undeclared), 8);
}

fn show(request: &HttpRequest) -> String {
    format!("{} {:?}", run(), request.headers().get(header::COOKIE))
}
