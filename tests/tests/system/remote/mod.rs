//! Nodes that share a remote store. They are in one process here, and so is the store; on a clock
//! that is turned by hand.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::header;
use actix_web::test::TestRequest;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, dev::Payload, web};
use cached_response::testing::{InProcessStore, ManualClock};
use cached_response::{
    CacheResponses, Policy, ResponseCache, ResponseCacheBuilder, TrackedRequest, Unkeyed, cached,
    tag,
};
use tests::stage::{Answer, InProcess, Stage};

mod explained;
mod fences;
mod races;
mod reuse;

/// Response of a run for this request.
async fn page(stage: web::Data<Stage>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let run = stage.run_at_barrier().await;
    for (name, value) in query.iter() {
        match name.as_str() {
            "tag" => tag(value),
            "disable" => cached_response::disable_cache(),
            _ => {}
        }
    }
    let mut response = HttpResponse::Ok();
    for (name, value) in query.iter() {
        if name == "vary" {
            response.insert_header((header::VARY, value.as_str()));
        }
    }
    response.reason("Quite Fine").body(format!("run {run}"))
}

async fn greeting(stage: web::Data<Stage>, request: TrackedRequest) -> String {
    let run = stage.run_at_barrier().await;
    let tongue = request
        .header("accept-language")
        .unwrap_or("none")
        .to_owned();
    format!("run {run} in {tongue}")
}

async fn shop(stage: web::Data<Stage>) -> String {
    format!("run {}", stage.run_at_barrier().await)
}

fn ten() -> Policy {
    Policy::new(10)
}

/// There once, and never again.
async fn gone(stage: web::Data<Stage>) -> HttpResponse {
    if stage.run_at_barrier().await == 1 {
        HttpResponse::Ok().body("run 1")
    } else {
        HttpResponse::NotFound().body("gone")
    }
}

/// Fails after its first run.
async fn failing(stage: web::Data<Stage>) -> HttpResponse {
    if stage.run_at_barrier().await == 1 {
        HttpResponse::Ok().body("run 1")
    } else {
        HttpResponse::InternalServerError().body("failed")
    }
}

fn routes(app: &mut web::ServiceConfig) {
    let policies = [
        ("/plain", ten()),
        ("/tagged", ten().tags(["tagged"])),
        (
            "/windows",
            ten().stale_while_revalidate(20).stale_if_error(20),
        ),
        (
            "/soon",
            ten()
                .stale_if_error(60)
                .soft_timeout(Duration::from_millis(200)),
        ),
        ("/narrow", ten().query(["page"])),
        ("/respectful", ten().respect_client()),
    ];
    for (path, policy) in policies {
        let route = || web::route().to(cached(policy.clone(), page));
        app.service(web::resource(path).route(route()));
    }
    let windows = ten().stale_while_revalidate(20);
    app.route("/gone", web::get().to(cached(windows, gone)));
    let fallback = ten().stale_if_error(60);
    app.route("/failing", web::get().to(cached(fallback, failing)));
    app.route(
        "/row",
        web::get().to(cached(ten(), |row: Unkeyed<Row>| async move {
            if row.0.0 >= 10 {
                tag("row");
            }
            format!("row {}", row.0.0)
        })),
    );
    let behind = web::scope("/behind")
        .wrap(CacheResponses::new(ten()))
        .route("/page", web::get().to(page));
    app.service(behind);
    app.configure(deep);
    app.route("/greeting", web::get().to(cached(ten(), greeting)));
}

/// Routes below others.
fn deep(app: &mut web::ServiceConfig) {
    let tagged = cached(ten().tags(["tagged"]), page);
    app.route("/tagged/{shop}/{item}", web::get().to(tagged));
    // Without tags, so that a worker remembers its names.
    let narrow = cached(ten().query(["tag"]), shop);
    app.route("/shops/{shop}/{item}", web::get().to(narrow));
}

/// Two nodes, one store, one clock.
struct Nodes {
    store: InProcessStore,
    clock: ManualClock,
    stage: Stage,
    one: Node,
    other: Node,
}

struct Node {
    cache: ResponseCache,
    app: InProcess,
}

impl Nodes {
    async fn new() -> Self {
        Self::with(|builder| builder, 0).await
    }

    async fn without_memory() -> Self {
        Self::with(ResponseCacheBuilder::without_memory, 0).await
    }

    /// All runs go on as they come, but for the one with the number `held`.
    async fn with(
        configure: fn(ResponseCacheBuilder) -> ResponseCacheBuilder,
        held: usize,
    ) -> Self {
        let clock = ManualClock::new();
        let store = InProcessStore::with_clock(&clock);
        let stage = Stage::new(ResponseCache::builder().build());
        let free = (1..=200).filter(|run| *run != held);
        free.for_each(|run| stage.release(run));
        let builder = || {
            let builder = ResponseCache::builder().clock(&clock).remote(store.clone());
            // No test is about a slow machine.
            let budget = Duration::from_secs(10);
            configure(builder.remote_timeout(budget).invalidation_timeout(budget))
        };
        Self {
            one: Node::new(&stage, builder()).await,
            other: Node::new(&stage, builder()).await,
            store,
            clock,
            stage,
        }
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Node {
    async fn new(stage: &Stage, builder: ResponseCacheBuilder) -> Self {
        let mut stage = stage.clone();
        stage.cache = builder.build();
        Self {
            app: stage.app(routes).await,
            cache: stage.cache,
        }
    }

    /// The answer to a GET, when all that it leaves behind is done.
    async fn ask(&self, request: TestRequest) -> Answer {
        let answer = self.app.ask(request).answer().await;
        self.cache.settled().await;
        answer
    }

    async fn get(&self, uri: &str) -> (String, String) {
        said(&self.ask(TestRequest::with_uri(uri)).await)
    }
}

/// The text of an answer, and what `Cache-Status` says behind our name.
fn said(answer: &Answer) -> (String, String) {
    let said = answer.header("cache-status").unwrap();
    let said = said.strip_prefix("cached-response; ").unwrap().to_owned();
    (answer.text(), said)
}

/// Returns whether digests in names have four bits, so that they collide.
fn digests_meet() -> bool {
    std::env::var_os("CACHED_RESPONSE_WEAK_DIGEST").is_some()
}

fn pair(text: &str, said: &str) -> (String, String) {
    (text.to_owned(), said.to_owned())
}

thread_local! {
    /// Value that changes without an invalidation.
    static ROW: Cell<u32> = const { Cell::new(0) };
}

/// It, as it was before the look-up. A request with `x-slow` waits at the barrier `extracted` with it.
struct Row(u32);

impl FromRequest for Row {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let row = Self(ROW.get());
        let stage = request.app_data::<web::Data<Stage>>().cloned().unwrap();
        let is_slow = request.headers().contains_key("x-slow");
        Box::pin(async move {
            if is_slow {
                stage.barriers.at("extracted").await;
            }
            Ok(row)
        })
    }
}
