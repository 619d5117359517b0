//! Responses that depend on what is learnt only from a run.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::time::Duration;

use actix_web::http::header::{AcceptLanguage, ContentLanguage, Header as _, HeaderName};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Data};
use actix_web::{App, HttpMessage, HttpResponse, get};
use cached_response::testing::isolated;
use cached_response::{Request, ResponseCache, cached_response};
use futures_util::future::join_all;
use futures_util::stream;
use tests::barrier::Barriers;
use tests::raw::{self, Connection, Request as Sent};
use tests::server::Server;

use crate::ask::{ask, get as ask_for, get_with, is_hit, run};

const PATIENCE: Duration = Duration::from_secs(10);

/// A handler that reads behind the back of every rule, and says so in `Vary` only.
struct Sneaky(String);

impl actix_web::FromRequest for Sneaky {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(
        request: &actix_web::HttpRequest,
        _: &mut actix_web::dev::Payload,
    ) -> Self::Future {
        let named = |name| {
            request
                .headers()
                .get(name)
                .map(|it| it.to_str().unwrap().to_owned())
        };
        let seen = format!("{:?} {:?}", named("x-tenant"), named("cookie"));
        std::future::ready(Ok(Self(seen)))
    }
}

#[get("/sneaky/{vary}")]
#[cached_response(unkeyed(seen, barriers))]
async fn sneaky(vary: web::Path<String>, seen: Sneaky, barriers: Data<Barriers>) -> HttpResponse {
    barriers.at("run").await;
    HttpResponse::Ok()
        .insert_header(("vary", vary.as_str()))
        .body(format!("{} {}", run(), seen.0))
}

/// Bar row 21.
#[actix_web::test]
async fn each_client_gets_its_own_variant_of_what_only_the_response_declares() {
    let barriers = Barriers::default();
    barriers.release("run");
    for (vary, name) in [("x-tenant", "x-tenant"), ("Accept,%20Cookie", "cookie")] {
        let _cache = isolated();
        let app = App::new()
            .app_data(Data::new(barriers.clone()))
            .service(sneaky);
        let app = init_service(app).await;
        let target = format!("/sneaky/{vary}");
        let mut first = Vec::new();
        for value in ["a=1", "b=2", ""] {
            let answer = get_with(&app, &target, (name, value)).await;
            assert!(!answer.is_hit() && answer.body.contains(&format!("Some({value:?})")));
            first.push((value, answer.body));
        }
        let nobody = ask_for(&app, &target).await;
        assert!(nobody.body.ends_with("None None"), "{}", nobody.body);
        for (value, body) in first {
            let again = get_with(&app, &target, (name, value)).await;
            assert!(again.is_hit());
            assert_eq!(again.body, body);
        }
        assert_eq!(ask_for(&app, &target).await.body, nobody.body);
    }
}

/// Bar row 21.
#[test]
fn followers_of_a_collapsed_run_get_their_own_variant_too() {
    let barriers = Barriers::default();
    let cache = ResponseCache::builder().build();
    let (data, own) = (Data::new(barriers.clone()), cache.clone());
    let server = Server::start(2, move |app| {
        app.app_data(data.clone())
            .app_data(own.clone())
            .service(sneaky);
    });
    let address = server.as_ref().unwrap().address();
    let of = |tenant: &str| Sent::get("/sneaky/x-tenant").header("X-Tenant", tenant);
    let mut clients: Vec<_> = (0..12)
        .map(|n| (["a", "b", "c"][n % 3], Connection::open(address).unwrap()))
        .collect();
    for (tenant, client) in &mut clients {
        client.send(&of(tenant)).unwrap();
    }
    barriers.wait_arrived("run", 1, PATIENCE);
    barriers.release("run");
    for (tenant, client) in &mut clients {
        let text = client.receive(&of(tenant)).unwrap().text();
        assert!(
            text.contains(&format!("Some(\"{tenant}\") None")),
            "{tenant}: {text}"
        );
    }
    for tenant in ["a", "b", "c"] {
        assert!(
            is_hit(&raw::fetch(address, &of(tenant)).unwrap()),
            "{tenant}"
        );
    }
    assert_eq!(cache.stats().running, 0);
}

/// Bar row 21.
#[actix_web::test]
async fn two_concurrent_variants_of_a_declared_header_do_not_meet() {
    let barriers = Barriers::default();
    let _cache = isolated();
    let app = App::new()
        .app_data(Data::new(barriers.clone()))
        .service(declared);
    let app = init_service(app).await;
    let asks = ["a", "b", "a", "b"].map(|tenant| get_with(&app, "/declared", ("x-tenant", tenant)));
    let opening = async {
        barriers.arrived("run", 2).await;
        barriers.release("run");
    };
    let (answers, ()) = futures_util::future::join(join_all(asks), opening).await;
    for (answer, tenant) in answers.iter().zip(["a", "b", "a", "b"]) {
        assert!(answer.body.ends_with(tenant), "{}", answer.body);
    }
    assert_eq!(answers[0].body, answers[2].body);
    assert_eq!(barriers.count("run"), 2);
}

#[get("/declared")]
#[cached_response(vary("x-tenant"))]
async fn declared(request: actix_web::HttpRequest, barriers: Data<Barriers>) -> String {
    barriers.at("run").await;
    format!(
        "{} {}",
        run(),
        request.headers().get("x-tenant").unwrap().to_str().unwrap()
    )
}

#[get("/flood")]
#[cached_response]
async fn flooded() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("vary", "x-flood"))
        .body("page")
}

/// Bar row 83.
#[actix_web::test]
async fn a_flood_of_values_keeps_at_most_64_variants() {
    let cache = isolated();
    let app = init_service(App::new().service(flooded)).await;
    let mut highest = (0, 0);
    for n in 0..100_000 {
        let request = TestRequest::with_uri("/flood").append_header(("x-flood", n.to_string()));
        actix_web::test::call_service(&app, request.to_request()).await;
        if n % 1000 == 0 {
            let stats = cache.cache().stats();
            highest = highest.max((stats.entries, stats.bytes));
        }
    }
    let stats = cache.cache().stats();
    assert_eq!(stats.stored, 100_000);
    // The variants and their list.
    assert_eq!(stats.entries, 65);
    assert!(highest.0 <= 65 && highest.1 < 256 << 10, "{highest:?}");
    assert!(
        get_with(&app, "/flood", ("x-flood", "99999"))
            .await
            .is_hit()
    );
    assert!(!get_with(&app, "/flood", ("x-flood", "0")).await.is_hit());
}

#[get("/reads-nothing")]
#[cached_response]
async fn reads_nothing(_request: Request, request: Request) -> String {
    format!("{} {request:?}", run())
}

#[actix_web::test]
async fn a_handler_that_reads_nothing_shares_one_response() {
    let cache = isolated();
    let app = init_service(App::new().service(reads_nothing)).await;
    let first = get_with(&app, "/reads-nothing", ("x-secret", "of the first")).await;
    assert!(
        !first.body.contains("secret"),
        "what is printed is read: {}",
        first.body
    );
    for header in [("cookie", "a=1"), ("accept-language", "de"), ("host", "b")] {
        let answer = get_with(&app, "/reads-nothing", header).await;
        assert!(answer.is_hit());
        assert_eq!(answer.header("vary"), None);
    }
    assert_eq!(cache.cache().stats().entries, 1);
}

#[get("/branches")]
#[cached_response]
async fn branches(request: Request) -> String {
    let run = run();
    match request.header("x-first") {
        Some("other") => format!("{run} other {:?}", request.header("x-second")),
        first => format!("{run} {first:?}"),
    }
}

#[actix_web::test]
async fn what_is_read_in_one_branch_only_selects_from_then_on() {
    let _cache = isolated();
    let app = init_service(App::new().service(branches)).await;
    let asking = |first: &'static str, second: &'static str| {
        let request = TestRequest::with_uri("/branches").append_header(("x-first", first));
        ask(&app, request.append_header(("x-second", second)))
    };
    let plain = asking("a", "1").await;
    assert_eq!(
        (plain.body.as_str(), plain.header("vary").unwrap().as_str()),
        ("1 Some(\"a\")", "x-first")
    );
    assert!(asking("a", "2").await.is_hit());
    let other = asking("other", "1").await;
    assert_eq!(other.body, "2 other Some(\"1\")");
    assert_eq!(other.header("vary").unwrap(), "x-first, x-second");
    assert_eq!(asking("other", "2").await.body, "3 other Some(\"2\")");
    assert_eq!(asking("other", "1").await.body, "2 other Some(\"1\")");
    let ask_a = asking("a", "2").await;
    assert!(ask_a.body.ends_with("Some(\"a\")"));
}

#[get("/cookie")]
#[cached_response]
async fn by_cookie(request: Request) -> String {
    let theme = request
        .cookie("theme")
        .map(|theme| theme.value().to_owned());
    format!("{} {theme:?}", run())
}

#[actix_web::test]
async fn a_cookie_that_is_read_selects_and_others_do_not() {
    let _cache = isolated();
    let app = init_service(App::new().service(by_cookie)).await;
    let with = async |cookie: &'static str| get_with(&app, "/cookie", ("cookie", cookie)).await;
    assert_eq!(with("theme=dark; _ga=1").await.body, "1 Some(\"dark\")");
    let hit = with("_ga=2; theme=dark").await;
    assert_eq!(
        (hit.body.as_str(), hit.header("vary").unwrap().as_str()),
        ("1 Some(\"dark\")", "cookie")
    );
    assert_eq!(with("theme=light").await.body, "2 Some(\"light\")");
    assert_eq!(with("theme=").await.body, "3 Some(\"\")");
    assert_eq!(with("_ga=3").await.body, "4 None");
    assert_eq!(ask_for(&app, "/cookie").await.body, "4 None");
}

#[get("/peer")]
#[cached_response]
async fn by_peer(request: Request) -> String {
    format!("{} {:?}", run(), request.peer_ip())
}

#[actix_web::test]
async fn the_peers_address_selects_without_its_port() {
    let _cache = isolated();
    let app = init_service(App::new().service(by_peer)).await;
    let from = async |address: &str| {
        let request = TestRequest::with_uri("/peer").peer_addr(address.parse().unwrap());
        ask(&app, request.append_header(("x-forwarded-for", "1.1.1.1")))
            .await
            .body
    };
    assert_eq!(from("10.0.0.1:1000").await, "1 Some(10.0.0.1)");
    assert_eq!(from("10.0.0.1:2000").await, "1 Some(10.0.0.1)");
    assert_eq!(from("10.0.0.2:1000").await, "2 Some(10.0.0.2)");
    assert_eq!(ask_for(&app, "/peer").await.body, "3 None");
}

#[get("/late")]
#[cached_response]
async fn late(request: Request) -> HttpResponse {
    let body = stream::once(async move {
        let text = format!("{} {:?}", run(), request.header("x-tenant"));
        Ok::<_, actix_web::Error>(web::Bytes::from(text))
    });
    HttpResponse::Ok().streaming(Box::pin(body))
}

#[actix_web::test]
async fn what_a_streaming_body_reads_selects_and_is_named_on_hits() {
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
async fn changing(request: Request) -> HttpResponse {
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

#[get("/languages")]
#[cached_response]
async fn languages(
    accepted: web::Header<AcceptLanguage>,
    content: Option<web::Header<ContentLanguage>>,
) -> String {
    format!("{} {} {}", run(), accepted.0, content.is_some())
}

#[actix_web::test]
async fn typed_headers_are_keyed_and_named_in_vary() {
    let _cache = isolated();
    let app = init_service(App::new().service(languages)).await;
    let name: HeaderName = AcceptLanguage::name();
    let request = |language: &str| {
        TestRequest::with_uri("/languages").append_header((name.clone(), language))
    };
    let first = ask(&app, request("de")).await;
    assert_eq!(
        (first.body.as_str(), first.header("vary").unwrap().as_str()),
        ("1 de false", "accept-language, content-language")
    );
    assert!(
        ask(&app, request("de").append_header(("cookie", "a")))
            .await
            .is_hit()
    );
    assert_eq!(ask(&app, request("en")).await.body, "2 en false");
    let both = request("de").append_header(("content-language", "fr"));
    assert_eq!(ask(&app, both).await.body, "3 de true");
    let bad = request("de").append_header(("content-language", ";;"));
    assert!(!ask(&app, bad).await.is_hit());
    assert_eq!(ask(&app, request("de")).await.body, "1 de false");
}

#[get("/lines")]
#[cached_response]
async fn lines_of(request: Request) -> String {
    format!("{:?}", request.header("accept-language"))
}

#[actix_web::test]
async fn lines_that_an_attacker_splits_are_not_what_a_victim_sees() {
    let _cache = isolated();
    let app = init_service(App::new().service(lines_of)).await;
    let split = TestRequest::with_uri("/lines").append_header(("accept-language", "de"));
    let evil = ask(&app, split.append_header(("accept-language", "en"))).await;
    assert_eq!(evil.body, "None");
    let victim = get_with(&app, "/lines", ("accept-language", "de, en")).await;
    assert_eq!(victim.body, "Some(\"de, en\")");
}
