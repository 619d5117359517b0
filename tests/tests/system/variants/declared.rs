//! Variants by what `Vary` declares.

use std::time::Duration;

use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, get};
use cached_response::testing::{InProcessStore, ManualClock, isolated};
use cached_response::{ResponseCache, TrackedRequest, cached_response};
use futures_util::future::join_all;
use tests::barrier::Barriers;
use tests::raw::{self, Connection, Request as Sent};
use tests::server::Server;

use crate::ask::{get as ask_for, get_with, is_hit, run};

const TIMEOUT: Duration = Duration::from_secs(10);

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

/// Each client gets its own variant.
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

/// Names its header only where it is there, as some do.
#[get("/forgetful")]
#[cached_response(unkeyed(seen))]
async fn forgetful(seen: Sneaky) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if !seen.0.starts_with("None") {
        response.insert_header(("vary", "x-tenant"));
    }
    response.body(format!("{} {}", run(), seen.0))
}

/// The last run of all says no `Vary`; the names of the runs before it are known.
#[actix_web::test]
async fn a_response_without_vary_does_not_answer_the_variants_that_have_expired() {
    let clock = ManualClock::new();
    let in_memory = ResponseCache::builder().clock(&clock).build();
    let store = InProcessStore::with_clock(&clock);
    let remote = ResponseCache::builder().clock(&clock).remote(store).build();
    for cache in [in_memory, remote] {
        let app = App::new().app_data(cache.clone()).service(forgetful);
        let app = init_service(app).await;
        for tenant in ["anna", "ben"] {
            get_with(&app, "/forgetful", ("x-tenant", tenant)).await;
            cache.settled().await;
        }
        for _ in 0..3 {
            clock.advance(Duration::from_secs(310));
            let nobody = ask_for(&app, "/forgetful").await;
            assert!(nobody.body.ends_with("None None"), "{}", nobody.body);
            cache.settled().await;
            for tenant in ["anna", "ben", "clara"] {
                let answer = get_with(&app, "/forgetful", ("x-tenant", tenant)).await;
                assert!(answer.body.contains(tenant), "{}", answer.body);
            }
            assert!(ask_for(&app, "/forgetful").await.is_hit());
            cache.settled().await;
        }
    }
}

/// The other node has never seen a `Vary`, and the store has forgotten it.
#[actix_web::test]
async fn a_response_that_another_node_stored_without_vary_does_not_answer_known_variants() {
    let clock = ManualClock::new();
    let store = InProcessStore::with_clock(&clock);
    let node = async || {
        let cache = ResponseCache::builder().clock(&clock);
        let cache = cache.remote(store.clone()).build();
        let app = App::new().app_data(cache.clone()).service(forgetful);
        (init_service(app).await, cache)
    };
    let ((one, of_one), (other, of_other)) = (node().await, node().await);
    get_with(&one, "/forgetful", ("x-tenant", "anna")).await;
    of_one.settled().await;
    clock.advance(Duration::from_secs(310));
    assert!(
        ask_for(&other, "/forgetful")
            .await
            .body
            .ends_with("None None")
    );
    of_other.settled().await;
    for tenant in ["anna", "ben"] {
        let answer = get_with(&one, "/forgetful", ("x-tenant", tenant)).await;
        assert!(answer.body.contains(tenant), "{}", answer.body);
        of_one.settled().await;
    }
    // What the first node has written to the store is known to the other from now on.
    clock.advance(Duration::from_secs(310));
    get_with(&one, "/forgetful", ("x-tenant", "anna")).await;
    of_one.settled().await;
    let ben = get_with(&other, "/forgetful", ("x-tenant", "ben")).await;
    assert!(ben.body.contains("ben"), "{}", ben.body);
}

/// One variant is requested repeatedly, and the others once each.
#[actix_web::test]
async fn a_flood_of_variants_does_not_push_out_the_one_that_is_used() {
    let _cache = isolated();
    let app = init_service(App::new().service(tenants)).await;
    let hot = ("x-tenant", "hot");
    let first = get_with(&app, "/tenants", hot).await.body;
    for n in 0..1_000_u32 {
        let cold = n.to_string();
        assert_eq!(
            get_with(&app, "/tenants", ("x-tenant", &cold)).await.body,
            cold
        );
        // Used less often than variants are evicted.
        if n.is_multiple_of(50) {
            let again = get_with(&app, "/tenants", hot).await;
            assert!(again.is_hit(), "after {n}");
            assert_eq!(again.body, first);
        }
    }
    // Those that were not used go in the order in which they were stored.
    assert!(
        get_with(&app, "/tenants", ("x-tenant", "999"))
            .await
            .is_hit()
    );
    assert!(
        !get_with(&app, "/tenants", ("x-tenant", "900"))
            .await
            .is_hit()
    );
}

#[get("/tenants")]
#[cached_response]
async fn tenants(request: TrackedRequest) -> String {
    request.header("x-tenant").unwrap_or_default().to_owned()
}

/// RFC 9111 §4.1.
#[actix_web::test]
async fn a_response_that_forgets_its_vary_answers_only_requests_like_its_own() {
    let _cache = isolated();
    let app = init_service(App::new().service(forgetful)).await;
    let anna = get_with(&app, "/forgetful", ("x-tenant", "anna")).await;
    let nobody = ask_for(&app, "/forgetful").await;
    assert!(!nobody.is_hit() && nobody.body.ends_with("None None"));
    for (tenant, known) in [("anna", true), ("ben", false)] {
        let answer = get_with(&app, "/forgetful", ("x-tenant", tenant)).await;
        assert!(answer.body.contains(tenant), "{}", answer.body);
        assert_eq!((answer.is_hit(), answer.body == anna.body), (known, known));
    }
    let again = ask_for(&app, "/forgetful").await;
    assert!(again.is_hit() && again.body == nobody.body);
}

/// Each client gets its own variant.
#[test]
fn waiters_of_a_collapsed_run_get_their_own_variant_too() {
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
    barriers.wait_arrived("run", 1, TIMEOUT);
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

/// Each client gets its own variant.
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

/// A header with many values keeps at most 64 variants.
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
