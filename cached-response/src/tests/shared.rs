//! Entries of a store that nodes share, and their lifetimes.

use crate::{
    Policy, ResponseCache, Store, StoreFuture, StoredValue, TrackedRequest, cached,
    set_cache_timeout,
    testing::{InProcessStore, ManualClock},
    util::{
        local_task::LocalBoxFuture,
        sync::{Mutex, lock},
    },
};
use actix_web::{
    App, HttpResponse,
    http::{Method, StatusCode, header::ACCEPT_LANGUAGE},
    test::{TestRequest, call_service, init_service, read_body},
    web::{self, Bytes, Data},
};
use futures_util::future::join;
use std::{convert::Infallible, rc::Rc, sync::Arc, time::Duration};
use tokio::sync::Barrier;

/// The next responses of the handlers.
#[derive(Default)]
struct Stage(Mutex<Next>);

#[derive(Default)]
struct Next {
    runs: u32,
    status: StatusCode,
    timeout: Option<Duration>,
    /// Barriers at the start and at the end of a run.
    barrier: Option<Arc<Barrier>>,
}

impl Stage {
    fn next(&self, change: impl FnOnce(&mut Next)) {
        change(&mut lock(&self.0));
    }

    async fn run(&self, tongue: &str) -> HttpResponse {
        let (run, status, barrier) = {
            let mut next = lock(&self.0);
            next.runs += 1;
            if let Some(timeout) = next.timeout {
                set_cache_timeout(timeout);
            }
            (next.runs, next.status, next.barrier.clone())
        };
        if let Some(barrier) = barrier {
            barrier.wait().await;
            barrier.wait().await;
        }
        HttpResponse::build(status).body(format!("run {run} in {tongue}"))
    }
}

async fn page(stage: Data<Stage>) -> HttpResponse {
    stage.run("none").await
}

async fn greeting(stage: Data<Stage>, request: TrackedRequest) -> HttpResponse {
    let tongue = request
        .header("accept-language")
        .unwrap_or("none")
        .to_owned();
    stage.run(&tongue).await
}

struct Node {
    cache: ResponseCache,
    app: Box<dyn Fn(TestRequest) -> LocalBoxFuture<(String, String)>>,
}

impl Node {
    async fn new(store: impl Store, clock: &ManualClock, stage: &Data<Stage>) -> Self {
        let cache = ResponseCache::builder()
            .clock(clock)
            .remote(store)
            // No wait for the run of another node, and a long one for a loaded machine.
            .wait_timeout(Duration::from_millis(20))
            .remote_timeout(Duration::from_secs(10))
            .build();
        let policy = Policy::new(10).stale_if_error(60);
        let app = App::new()
            .app_data(cache.clone())
            .app_data(stage.clone())
            .route("/page", web::route().to(cached(policy.clone(), page)))
            .route("/own", web::get().to(cached(Policy::from_response(), page)))
            .route("/greeting", web::get().to(cached(policy, greeting)));
        let app = Rc::new(init_service(app).await);
        let ask = move |request: TestRequest| -> LocalBoxFuture<(String, String)> {
            let app = app.clone();
            Box::pin(async move {
                let response = call_service(&*app, request.to_request()).await;
                let said = response.headers().get("cache-status").unwrap();
                let said = said.to_str().unwrap().to_owned();
                let text = read_body(response).await;
                (String::from_utf8(text.into()).unwrap(), said)
            })
        };
        Self {
            cache,
            app: Box::new(ask),
        }
    }

    /// The body and the `Cache-Status` of a response, after all background work.
    async fn ask(&self, request: TestRequest) -> (String, String) {
        let answer = (self.app)(request).await;
        self.cache.settled().await;
        answer
    }

    async fn get(&self, uri: &str) -> (String, String) {
        self.ask(TestRequest::with_uri(uri)).await
    }

    async fn greet(&self, tongue: &str) -> (String, String) {
        let request = TestRequest::with_uri("/greeting");
        self.ask(request.insert_header((ACCEPT_LANGUAGE, tongue)))
            .await
    }
}

/// Two nodes, their store, and their handlers.
struct Nodes {
    one: Node,
    other: Node,
    store: InProcessStore,
    clock: ManualClock,
    stage: Data<Stage>,
}

impl Nodes {
    async fn new() -> Self {
        let (clock, stage) = (ManualClock::new(), Data::new(Stage::default()));
        let store = InProcessStore::with_clock(&clock);
        Self {
            one: Node::new(store.clone(), &clock, &stage).await,
            other: Node::new(store.clone(), &clock, &stage).await,
            store,
            clock,
            stage,
        }
    }

    /// Number of entries in the store for this path, including a list.
    fn stored(&self, path: &str) -> usize {
        let names = self.store.names();
        let names = names.iter().filter(|name| name.contains(path));
        names.count()
    }
}

fn is_hit(said: &(String, String)) -> bool {
    said.1.contains("; hit;")
}

#[actix_web::test]
async fn an_outdated_response_is_removed_from_the_store() {
    let nodes = Nodes::new().await;
    nodes.one.get("/page").await;
    assert_eq!(nodes.stored("/page"), 1);
    nodes.clock.advance(Duration::from_secs(11));
    nodes.stage.next(|next| next.status = StatusCode::NOT_FOUND);
    nodes.other.get("/page").await;
    assert_eq!(nodes.stored("/page"), 0);
}

#[actix_web::test]
async fn an_outdated_variant_is_removed_alone() {
    let nodes = Nodes::new().await;
    nodes.one.greet("de").await;
    nodes.one.greet("fr").await;
    assert_eq!(nodes.stored("/greeting"), 3);
    nodes.clock.advance(Duration::from_secs(11));
    nodes.stage.next(|next| next.status = StatusCode::NOT_FOUND);
    nodes.one.greet("de").await;
    assert_eq!(nodes.stored("/greeting"), 2);
    nodes
        .stage
        .next(|next| next.status = StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(nodes.other.greet("fr").await.0, "run 2 in fr");
    assert_eq!(nodes.other.greet("de").await.0, "run 5 in de");
}

#[actix_web::test]
async fn an_unlimited_wait_works_with_a_store() {
    let store = InProcessStore::new();
    let builder = ResponseCache::builder().remote(store);
    let cache = builder.wait_timeout(Duration::MAX).build();
    let answer = cache.get_or_compute("answer", 60, || async { Ok::<_, Infallible>(42) });
    assert_eq!(answer.await, Ok(42));
}

/// A store that reports every entry as just stored.
struct Liar(InProcessStore);

impl Store for Liar {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move {
            let kept = self.0.get(name, limit).await?;
            Ok(kept.map(|kept| StoredValue::new(kept.bytes, Duration::from_secs(3600))))
        })
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        self.0.set(name, bytes, timeout)
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        self.0.delete(name)
    }
}

#[actix_web::test]
async fn an_entry_with_a_remaining_lifetime_over_its_whole_lifetime_is_not_reused() {
    let nodes = Nodes::new().await;
    nodes.one.get("/page").await;
    let liar = Node::new(Liar(nodes.store.clone()), &nodes.clock, &nodes.stage).await;
    assert_eq!(liar.get("/page").await.0, "run 2 in none");
}

#[actix_web::test]
async fn a_response_from_the_store_is_older_than_a_run_in_progress() {
    let nodes = Nodes::new().await;
    nodes.one.get("/page").await;
    let barrier = Arc::new(Barrier::new(2));
    nodes
        .stage
        .next(|next| next.barrier = Some(barrier.clone()));
    let found = async {
        barrier.wait().await;
        // It leads no flight, so it looks up by itself.
        let head = TestRequest::with_uri("/page").method(Method::HEAD);
        let found = nodes.other.ask(head).await;
        barrier.wait().await;
        found
    };
    let (refreshed, found) = join(nodes.other.get("/page?nocache=1"), found).await;
    assert!(is_hit(&found), "{found:?}");
    assert!(refreshed.1.ends_with("stored"), "{refreshed:?}");
    assert_eq!(nodes.other.get("/page").await.0, refreshed.0);
}

#[actix_web::test]
async fn a_vary_list_lives_as_long_as_its_longest_variant() {
    let nodes = Nodes::new().await;
    nodes.one.greet("de").await;
    for timeout in [1, 600] {
        let timeout = Some(Duration::from_secs(timeout));
        nodes.stage.next(|next| next.timeout = timeout);
        nodes.one.greet(&format!("x-{timeout:?}")).await;
    }
    nodes
        .stage
        .next(|next| next.timeout = Some(Duration::from_secs(1)));
    nodes.one.greet("fr").await;
    nodes.clock.advance(Duration::from_secs(2));
    assert!(is_hit(&nodes.other.greet("de").await));
    nodes.clock.advance(Duration::from_secs(500));
    assert!(is_hit(&nodes.other.greet("x-Some(600s)").await));
}

#[actix_web::test]
async fn nodes_that_add_the_same_names_at_once_agree_on_one_list() {
    let nodes = Nodes::new().await;
    let barrier = Arc::new(Barrier::new(2));
    nodes.stage.next(|next| next.barrier = Some(barrier));
    // Neither has a list.
    join(nodes.one.greet("de"), nodes.other.greet("fr")).await;
    nodes.stage.next(|next| next.barrier = None);
    let third = Node::new(nodes.store.clone(), &nodes.clock, &nodes.stage).await;
    for tongue in ["de", "fr"] {
        let found = third.greet(tongue).await;
        assert!(is_hit(&found), "{tongue}: {found:?}");
    }
}

#[actix_web::test]
async fn a_response_with_a_lifetime_from_its_handler_is_reused_by_other_nodes() {
    let nodes = Nodes::new().await;
    nodes.stage.next(|next| {
        next.timeout = Some(Duration::from_secs(10));
        next.status = StatusCode::FOUND;
    });
    nodes.one.get("/own").await;
    assert!(is_hit(&nodes.other.get("/own").await));
}
