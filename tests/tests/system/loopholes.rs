//! Ways around the rules, tried or taken by mistake.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::error::ErrorForbidden;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Json};
use actix_web::{App, Error, FromRequest, HttpRequest, dev::Service as _, get};
use cached_response::testing::isolated;
use cached_response::{
    Gate, KeyCovered, Keyed, Policy, TrackedRequest, cached, cached_response, insert_key_part,
};

use crate::ask::{get as ask_for, get_with, post, run};

/// An extractor that an application may call neutral: it depends on the query only.
struct Pairs(String);

impl FromRequest for Pairs {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.query_string().to_owned())))
    }
}

impl<W> KeyCovered<W> for Pairs {}

#[get("/links")]
#[cached_response]
async fn links(pairs: Pairs) -> String {
    pairs.0
}

#[actix_web::test]
async fn a_type_that_its_author_covers_may_see_the_flag_of_a_live_answer() {
    let _cache = isolated();
    let app = init_service(App::new().service(links)).await;
    let live = ask_for(&app, "/links?page=1&nocache=1").await;
    assert_eq!(live.body, "page=1&nocache=1");
    assert_eq!(ask_for(&app, "/links?page=1").await.body, "page=1");
}

/// None may pass, and each reason names its field.
struct Nobody;

impl FromRequest for Nobody {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let user = request.headers().get("x-user");
        let user = user.map_or("nobody", |user| user.to_str().unwrap());
        ready(Err(ErrorForbidden(format!("not for {user}"))))
    }
}

#[actix_web::test]
async fn why_an_extraction_failed_is_not_shared() {
    let _cache = isolated();
    let gated = cached(
        Policy::default(),
        |passed: Result<Gate<Nobody>, Error>| async move {
            passed.map_or_else(|why| why.to_string(), |_| "in".to_owned())
        },
    );
    let keyed = cached(
        Policy::default().methods(["POST"]),
        |words: Result<Keyed<Json<Vec<String>>>, Error>| async move {
            words.map_or_else(|why| why.to_string(), |words| words.join(" "))
        },
    );
    let app = App::new()
        .route("/gated", web::get().to(gated))
        .route("/keyed", web::post().to(keyed));
    let app = init_service(app).await;
    for user in ["alice", "bob"] {
        let answer = get_with(&app, "/gated", ("x-user", user)).await;
        assert_eq!(answer.body, format!("not for {user}"));
        assert_eq!(answer.detail().unwrap(), "key");
    }
    let json = |body: &'static str| ("application/json", body.as_bytes());
    let one = post(&app, "/keyed", json("[1]")).await;
    let other = post(&app, "/keyed", json("[\"a\",")).await;
    assert_ne!(one.body, other.body);
    assert_eq!(post(&app, "/keyed", json("[\"a\"]")).await.body, "a");
    assert!(post(&app, "/keyed", json("[\"a\"]")).await.is_hit());
}

#[get("/plain")]
#[cached_response]
async fn plain() -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_request_with_authorization_does_not_mark_its_key() {
    let cache = isolated();
    let app = init_service(App::new().service(plain)).await;
    let token = ("authorization", "Bearer alice");
    let answer = get_with(&app, "/plain", token).await;
    assert_eq!(answer.detail().unwrap(), "authorization");
    assert_eq!(cache.cache().stats().hit_for_pass_keys, 0);
}

#[actix_web::test]
async fn parts_that_are_inserted_in_two_places_are_kept_apart() {
    let _cache = isolated();
    let app = App::new().service(plain).wrap_fn(|request, service| {
        let number = |name: &str| {
            let value = request.headers().get(name)?;
            value.to_str().unwrap().parse::<u32>().ok()
        };
        if let Some(tenant) = number("x-tenant") {
            insert_key_part(&request, &tenant);
        }
        if let Some(role) = number("x-role") {
            insert_key_part(&request, &role);
        }
        service.call(request)
    });
    let app = init_service(app).await;
    let tenant = get_with(&app, "/plain", ("x-tenant", "7")).await;
    let role = get_with(&app, "/plain", ("x-role", "7")).await;
    assert_ne!(tenant.body, role.body);
    let again = get_with(&app, "/plain", ("x-tenant", "7")).await;
    assert_eq!(again.body, tenant.body);
}

#[get("/tagged/{n}")]
#[cached_response]
async fn by_language(request: TrackedRequest) -> String {
    format!("{} {:?}", run(), request.header("accept-language"))
}

#[actix_web::test]
async fn long_values_that_select_a_variant_are_held_once() {
    let cache = isolated();
    let app = init_service(App::new().service(by_language)).await;
    for n in 0..64 {
        let language = format!("{n}{}", "x".repeat(10_000));
        let asked = || {
            TestRequest::with_uri("/tagged/1").insert_header(("accept-language", language.as_str()))
        };
        let first = crate::ask::ask(&app, asked()).await;
        let second = crate::ask::ask(&app, asked()).await;
        assert!(second.is_hit() && first.body == second.body);
    }
    // The values and the bodies that repeat them, and room for the rest.
    let bytes = cache.cache().stats().bytes;
    assert!(bytes < 64 * 25_000, "{bytes}");
}

#[get("/chosen")]
#[cached_response]
async fn chosen(request: TrackedRequest) -> String {
    let which = request.cookie("which").unwrap();
    format!("{} {:?}", run(), request.cookie(which.value()))
}

#[actix_web::test]
async fn names_chosen_by_clients_do_not_displace_others() {
    let _cache = isolated();
    let app = init_service(App::new().service(chosen)).await;
    let of = async |which: &str| {
        let cookies = format!("which={which}; {which}=1");
        get_with(&app, "/chosen", ("cookie", &cookies)).await
    };
    for n in 0..100 {
        of(&format!("junk{n}")).await;
    }
    let first = of("mine").await;
    let second = of("mine").await;
    assert!(second.is_hit() && first.body == second.body);
}
