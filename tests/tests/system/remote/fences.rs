//! Invalidated responses are not reused, on whichever node they were invalidated.

use super::{Nodes, pair};
use std::time::Duration;

use actix_web::{test::TestRequest, web};
use cached_response::{
    Invalidation, InvalidationError, ResponseCache, ResponseCacheBuilder, Store, StoreErrorKind,
    cached_response, testing::InProcessStore,
};
use tests::stage::{Stage, repeat, soon};

/// The nonces of the store, as they are named.
fn nonces(nodes: &Nodes) -> Vec<String> {
    let names = nodes.store.names().into_iter();
    names.filter(|name| name.contains(":g:")).collect()
}

#[actix_web::test]
async fn an_entry_with_a_missing_nonce_is_a_miss() {
    let nodes = Nodes::without_memory().await;
    nodes.one.get("/plain").await;
    assert_eq!(
        nonces(&nodes).len(),
        4,
        "of all, the path, the URL and the handler"
    );
    for name in nonces(&nodes) {
        let run = nodes.stage.runs();
        let remote = pair(&format!("run {run}"), "hit; ttl=10; detail=remote");
        assert_eq!(nodes.other.get("/plain").await, remote);
        nodes.store.delete(&name).await.unwrap();
        let text = format!("run {}", run + 1);
        assert_eq!(nodes.other.get("/plain").await.0, text);
    }
}

#[actix_web::test]
async fn a_tag_that_the_handler_names_is_a_nonce_of_the_response() {
    let nodes = Nodes::without_memory().await;
    // Only then it is known that the handler names tags.
    nodes.one.get("/plain?tag=a").await;
    nodes.one.get("/plain?tag=b").await;
    let remote = pair("run 2", "hit; ttl=10; detail=remote");
    assert_eq!(nodes.one.get("/plain?tag=b").await, remote);
    assert_eq!(
        nonces(&nodes).len(),
        6,
        "all, a path, two URLs, the handler, a tag"
    );
}

async fn invalidate(cache: &ResponseCache, what: &str) -> Result<(), InvalidationError> {
    match what {
        "all" => cache.invalidate_all().await,
        "path" => cache.invalidate_path("/tagged").await,
        "url" => cache.invalidate_url("/tagged?tag=inner").await,
        "prefix" => cache.invalidate_prefix("/tagged").await,
        "pattern" => cache.invalidate_route("/tagged").await,
        "handler" => cache.invalidate_route(super::page).await,
        tag => cache.invalidate_tag(tag).await,
    }
}

// Nothing older than an acknowledged invalidation is answered.
#[actix_web::test]
async fn an_invalidation_by_one_node_holds_on_every_node() {
    for make in [0, 1] {
        for what in [
            "all", "path", "url", "tagged", "inner", "prefix", "pattern", "handler",
        ] {
            let nodes = match make {
                0 => Nodes::new().await,
                _ => Nodes::without_memory().await,
            };
            // The second run is the first that can be shared: its handler is known to name tags.
            nodes.one.get("/tagged?tag=outer").await;
            assert_eq!(nodes.one.get("/tagged?tag=inner").await.0, "run 2");
            assert_eq!(nodes.other.get("/tagged?tag=inner").await.0, "run 2");
            invalidate(&nodes.one.cache, what).await.unwrap();
            assert_eq!(
                nodes.one.get("/tagged?tag=inner").await.0,
                "run 3",
                "{what}"
            );
            // The message takes a moment; a message that arrives during a run makes another one necessary.
            let ask = || nodes.other.get("/tagged?tag=inner");
            let arrival = "the other node receives the invalidation";
            let (other, _) = repeat(arrival, ask, |(text, _)| text != "run 2").await;
            assert!(
                ["run 3", "run 4"].contains(&&*other),
                "{other} after {what}"
            );
        }
    }
}

/// Ways to invalidate `/shops/tea/7`, and those that leave it.
type Call = fn(&ResponseCache) -> Invalidation;

const REACH: [Call; 6] = [
    |cache| cache.invalidate_prefix("/shops"),
    |cache| cache.invalidate_prefix("/shops/tea/"),
    |cache| cache.invalidate_prefix("/shops/tea/7"),
    |cache| cache.invalidate_route("/shops/{}/{}"),
    |cache| cache.invalidate_route(super::shop),
    |cache| cache.invalidate_path("/shops/tea/7"),
];

const LEAVE: [Call; 6] = [
    |cache| cache.invalidate_prefix("/shops/te"),
    |cache| cache.invalidate_prefix("/shops/tea/8"),
    |cache| cache.invalidate_prefix("/shops/tea/7/8"),
    |cache| cache.invalidate_route("/shops/{}"),
    |cache| cache.invalidate_route(super::page),
    |cache| cache.invalidate_path("/shops/tea"),
];

#[actix_web::test]
async fn a_route_and_a_prefix_hold_in_the_store_and_nothing_else_does() {
    for uri in ["/shops/tea/7", "/shops/tea/7?tag=a"] {
        for (reaches, calls) in [(true, REACH), (false, LEAVE)] {
            for (n, invalidate) in calls.iter().enumerate() {
                let nodes = Nodes::without_memory().await;
                // So often that a worker remembers its names.
                for _ in 0..4 {
                    assert_eq!(nodes.one.get(uri).await.0, "run 1");
                    assert_eq!(nodes.other.get(uri).await.0, "run 1");
                }
                invalidate(&nodes.other.cache).await.unwrap();
                for node in [&nodes.one, &nodes.other] {
                    let is_new = node.get(uri).await.0 != "run 1";
                    assert_eq!(is_new, reaches, "{n} of {uri}");
                }
            }
        }
    }
}

// In memory a notification invalidates it.
#[actix_web::test]
async fn a_route_and_a_prefix_hold_in_the_memory_of_another_node() {
    for invalidate in REACH {
        let nodes = Nodes::new().await;
        for node in [&nodes.one, &nodes.other] {
            assert_eq!(node.get("/shops/tea/7").await.0, "run 1");
        }
        invalidate(&nodes.one.cache).await.unwrap();
        let ask = || nodes.other.get("/shops/tea/7");
        let arrival = "the other node receives the invalidation";
        repeat(arrival, ask, |(text, _)| text != "run 1").await;
    }
}

#[cached_response(timeout = 10)]
async fn anywhere(stage: web::Data<Stage>) -> String {
    format!("run {}", stage.run())
}

// A worker remembers the names of a target for each of the patterns that have it.
#[actix_web::test]
async fn two_applications_may_route_one_path_by_two_patterns() {
    let store = InProcessStore::new();
    let cache = || {
        ResponseCache::builder()
            .remote(store.clone())
            .without_memory()
    };
    let stage = Stage::new(cache().build());
    let one = stage
        .app(|app| _ = app.route("/{any}/tea", web::get().to(anywhere)))
        .await;
    let other = stage
        .app(|app| _ = app.route("/shop/{any}", web::get().to(anywhere)))
        .await;
    for (app, pattern) in [(&one, "/{}/tea"), (&other, "/shop/{}")] {
        for app in [&other, &one, app, app, app, app] {
            app.get("/shop/tea").answer().await;
            stage.cache.settled().await;
        }
        let runs = stage.runs();
        stage.cache.invalidate_route(pattern).await.unwrap();
        app.get("/shop/tea").answer().await;
        assert_eq!(stage.runs(), runs + 1, "{pattern}");
    }
}

// Tags from the attribute, and those that the handler names.
#[actix_web::test]
async fn a_run_overtaken_by_an_invalidation_is_not_shared() {
    for what in [
        "all", "path", "url", "tagged", "inner", "prefix", "pattern", "handler",
    ] {
        let nodes = Nodes::with(ResponseCacheBuilder::without_memory, 2).await;
        nodes.one.get("/tagged?tag=outer").await;
        let run = nodes.one.app.get("/tagged?tag=inner");
        nodes.stage.at_run(2).await;
        invalidate(&nodes.other.cache, what).await.unwrap();
        nodes.stage.release(2);
        assert_eq!(run.text().await, "run 2");
        nodes.one.cache.settled().await;
        // Not the other way round: the other has not learnt yet that its handler names tags.
        for node in [&nodes.one, &nodes.other] {
            assert_eq!(node.get("/tagged?tag=inner").await.0, "run 3", "{what}");
        }
    }
}

// An invalidation that is acknowledged has taken effect.
#[actix_web::test]
async fn an_invalidation_that_the_store_refuses_is_an_error_and_holds_here() {
    let nodes = Nodes::without_memory().await;
    nodes.one.get("/plain").await;
    nodes
        .store
        .fail_only("delete_many", StoreErrorKind::Refused);
    let refused = nodes.one.cache.invalidate_path("/plain").await;
    assert!(
        matches!(refused, Err(InvalidationError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(
        nodes.one.get("/plain").await.0,
        "run 2",
        "it holds here at once"
    );
    assert_eq!(
        nodes.one.get("/plain").await.0,
        "run 3",
        "what the store holds is not used"
    );
    nodes.store.heal();
    nodes.advance(1);
    soon("it is tried again", || nonces(&nodes).len() < 4).await;
    assert_eq!(nodes.other.get("/plain").await.0, "run 4");
}

#[actix_web::test]
async fn a_writer_sees_its_change_on_every_node() {
    let nodes = Nodes::without_memory().await;
    nodes.one.get("/plain").await;
    let post = TestRequest::post().uri("/plain");
    assert_eq!(nodes.one.ask(post).await.status, 200);
    assert_eq!(nodes.other.get("/plain").await.0, "run 3");
}

#[test]
fn an_invalidation_is_awaited_in_a_runtime_without_a_timer() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    let store = InProcessStore::new();
    let cache = || ResponseCache::builder().remote(store.clone());
    assert_eq!(
        runtime.block_on(cache().build().invalidate_all().into_future()),
        Ok(())
    );
    store.hold();
    let slow = cache()
        .invalidation_timeout(Duration::from_millis(50))
        .build();
    let outcome = runtime.block_on(slow.invalidate_all().into_future());
    assert_eq!(outcome, Err(InvalidationError::Slow));
    store.release();
}
