//! Stale responses: their use, their refreshes, and their use as a fallback. On a manual clock.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::cell::Cell;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, error::InternalError, web};
use cached_response::testing::ManualClock;
use cached_response::{Policy, ResponseCache, cached, context::mark_failed};
use tests::stage::{InProcess, Stage};

mod edges;
mod failures;
mod guide;
mod places;
mod refresh;
mod rules;
mod waiting;

/// The response of a run that starts now.
#[derive(Clone, Copy, Debug)]
enum Next {
    Fine,
    Status(u16),
    Error(u16),
    Panic,
    Declared,
}

const FAILURES: [Next; 5] = [
    Next::Status(500),
    Next::Status(503),
    Next::Error(500),
    Next::Panic,
    Next::Declared,
];

const REFUSALS: [Next; 5] = [
    Next::Status(401),
    Next::Status(403),
    Next::Status(404),
    Next::Error(404),
    Next::Status(410),
];

thread_local!(static NEXT: Cell<Next> = const { Cell::new(Next::Fine) });

async fn page(stage: web::Data<Stage>) -> Result<HttpResponse, Error> {
    let next = NEXT.get();
    let run = stage.run_at_barrier().await;
    let status = |code| StatusCode::from_u16(code).unwrap();
    let body = format!("run {run}");
    match next {
        Next::Fine => Ok(HttpResponse::Ok().body(body)),
        Next::Status(code) => Ok(HttpResponse::build(status(code)).body(body)),
        Next::Error(code) => Err(InternalError::new("meant to fail", status(code)).into()),
        Next::Panic => panic!("meant to panic"),
        Next::Declared => {
            mark_failed();
            Ok(HttpResponse::Ok().body(body))
        }
    }
}

/// Each query is a page of its own, though no handler sees it.
fn ten() -> Policy {
    Policy::new(10).query_all()
}

fn routes(app: &mut web::ServiceConfig) {
    let policies = [
        ("/plain", ten()),
        ("/swr", ten().stale_while_revalidate(300)),
        ("/sie", ten().stale_if_error(40).failure_cooldown(5)),
        ("/ahead", ten().refresh_ahead(0.5)),
        ("/slow", ten().stale_if_error(300).soft_timeout(2)),
        ("/limit", ten().run_timeout(2)),
        ("/limit-sie", ten().run_timeout(2).stale_if_error(300)),
        (
            "/limit-swr",
            ten().run_timeout(2).stale_while_revalidate(300),
        ),
        ("/guide", guide::policy()),
        ("/guide-impatient", guide::policy().soft_timeout(2)),
        ("/none", ten().stale_while_revalidate(0).stale_if_error(0)),
    ];
    for (path, policy) in policies {
        app.route(path, web::get().to(cached(policy.clone(), page)));
        app.route(path, web::head().to(cached(policy, page)));
    }
}

/// A stage with a manual clock, whose first run was stored for `path`.
struct Scene {
    stage: Stage,
    app: InProcess,
    clock: ManualClock,
    path: &'static str,
}

impl Scene {
    async fn new(path: &'static str) -> Self {
        let clock = ManualClock::new();
        let cache = ResponseCache::builder().clock(&clock).build();
        Self::with(path, clock, cache).await
    }

    async fn with(path: &'static str, clock: ManualClock, cache: ResponseCache) -> Self {
        NEXT.set(Next::Fine);
        let stage = Stage::new(cache);
        let app = stage.app(routes).await;
        stage.release(1);
        assert_eq!(app.get(path).text().await, "run 1");
        Self {
            stage,
            app,
            clock,
            path,
        }
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Opens the barriers of all runs.
    fn release_all(&self) {
        (1..=200).for_each(|run| self.stage.release(run));
    }

    /// The answer to a GET: status, body, and the parameters of `Cache-Status`.
    async fn get(&self) -> (u16, String, String) {
        let answer = self.app.get(self.path).answer().await;
        let said = answer.header("cache-status").unwrap();
        let said = said.strip_prefix("cached-response; ").unwrap().to_owned();
        (answer.status.as_u16(), answer.text(), said)
    }

    async fn text(&self) -> String {
        self.app.get(self.path).text().await
    }
}
