//! Validation of a stale response by its handler (RFC 9111 §4.3). On a manual clock.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::cell::RefCell;
use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use actix_web::{HttpRequest, HttpResponse, get, web};
use cached_response::testing::ManualClock;
use cached_response::{
    CacheHandle, CacheResponses, Policy, ResponseCache, cached_response, context::stale_response,
};
use tests::stage::{Answer, InProcess, Stage};

mod answers;
mod flights;
mod made_by_hand;
mod offers;

type Fields = &'static [(&'static str, &'static str)];

/// The response that the handler would make now, and the fields of its 304.
#[derive(Clone, Copy)]
struct Origin {
    body: &'static str,
    fields: Fields,
    unchanged: Fields,
}

const TAGGED: Origin = Origin {
    body: "one",
    fields: &[("etag", "\"1\""), ("x-edition", "first"), ("x-kept", "yes")],
    unchanged: &[("x-edition", "second")],
};

const MODIFIED: &str = "Thu, 26 Jun 2008 12:00:01 GMT";
const DATED: Fields = &[("last-modified", MODIFIED)];

thread_local! {
    static ORIGIN: RefCell<Origin> = const { RefCell::new(TAGGED) };
    /// The validators of the previous response that a run has read.
    static SHOWN: RefCell<Vec<Option<String>>> = const { RefCell::new(Vec::new()) };
}

fn add(response: &mut HttpResponse, fields: Fields) {
    for (name, value) in fields {
        response.headers_mut().append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}

fn whole(origin: Origin) -> HttpResponse {
    let mut response = HttpResponse::Ok().body(origin.body);
    add(&mut response, origin.fields);
    response
}

/// Answers with 304 where the previous response has the current validator.
#[get("/page")]
#[cached_response(timeout = 10)]
async fn page(stage: web::Data<Stage>) -> HttpResponse {
    stage.run();
    let origin = ORIGIN.with_borrow(|origin| *origin);
    let previous = stale_response();
    let shown = previous.as_ref().map(|previous| {
        let validator = previous.etag().or_else(|| previous.last_modified());
        validator.unwrap().to_str().unwrap().to_owned()
    });
    SHOWN.with_borrow_mut(|all| all.push(shown.clone()));
    let validators = origin.fields.iter().map(|(_, value)| *value);
    if let Some(previous) = previous
        && validators
            .into_iter()
            .any(|now| Some(now) == shown.as_deref())
    {
        let mut unchanged = previous.not_modified();
        add(&mut unchanged, origin.unchanged);
        return unchanged;
    }
    whole(origin)
}

/// Every run waits at its own barrier, and validates if it can.
#[get("/slow")]
#[cached_response(timeout = 10)]
async fn slow(stage: web::Data<Stage>, cache: CacheHandle) -> HttpResponse {
    let previous = cache.stale_response();
    stage.run_at_barrier().await;
    match previous {
        Some(previous) => previous.not_modified(),
        None => whole(ORIGIN.with_borrow(|origin| *origin)),
    }
}

/// Makes the 304 by hand where there is a previous response.
#[get("/by-hand")]
#[cached_response(timeout = 10, stale_if_error = 30)]
async fn by_hand(stage: web::Data<Stage>) -> HttpResponse {
    stage.run_at_barrier().await;
    if stale_response().is_some() {
        return HttpResponse::NotModified().finish();
    }
    whole(ORIGIN.with_borrow(|origin| *origin))
}

/// After its first run it always makes a 304.
#[get("/unasked")]
#[cached_response(timeout = 10)]
async fn unasked(stage: web::Data<Stage>) -> HttpResponse {
    match stage.run_at_barrier().await {
        1 => whole(ORIGIN.with_borrow(|origin| *origin)),
        _ => HttpResponse::NotModified().finish(),
    }
}

/// The same with a fallback.
#[get("/unasked-stale")]
#[cached_response(timeout = 10, stale_if_error = 30)]
async fn unasked_stale(stage: web::Data<Stage>) -> HttpResponse {
    match stage.run_at_barrier().await {
        1 => whole(ORIGIN.with_borrow(|origin| *origin)),
        _ => HttpResponse::NotModified().finish(),
    }
}

/// Is not aware of a cache, and answers conditions by the rules of HTTP.
async fn plain(request: HttpRequest, stage: web::Data<Stage>) -> HttpResponse {
    stage.run();
    let origin = ORIGIN.with_borrow(|origin| *origin);
    let asked = |name| {
        request
            .headers()
            .get(name)
            .map(|it| it.to_str().unwrap().to_owned())
    };
    let shown = asked("if-none-match").or_else(|| asked("if-modified-since"));
    SHOWN.with_borrow_mut(|all| all.push(shown.clone()));
    let mut validators = origin.fields.iter().map(|(_, value)| *value);
    if validators.any(|now| Some(now) == shown.as_deref()) {
        let mut unchanged = HttpResponse::NotModified().finish();
        add(&mut unchanged, origin.unchanged);
        return unchanged;
    }
    whole(origin)
}

fn routes(app: &mut web::ServiceConfig) {
    let scope = web::scope("/scope").wrap(CacheResponses::new(Policy::new(10)));
    app.service(page)
        .service(slow)
        .service(by_hand)
        .service(unasked)
        .service(unasked_stale)
        .service(scope.route("/page", web::get().to(plain)));
}

struct Scene {
    clock: ManualClock,
    stage: Stage,
    app: InProcess,
}

impl Scene {
    async fn of(origin: Origin) -> Self {
        ORIGIN.set(origin);
        SHOWN.take();
        let clock = ManualClock::new();
        let stage = Stage::new(ResponseCache::builder().clock(&clock).build());
        let app = stage.app(routes).await;
        Self { clock, stage, app }
    }

    async fn get(&self, target: &str) -> Answer {
        self.app.get(target).answer().await
    }

    async fn get_with(&self, target: &str, name: &str, value: &str) -> Answer {
        let request = TestRequest::with_uri(target).append_header((name, value));
        self.app.ask(request).answer().await
    }

    fn expire(&self) {
        self.clock.advance(Duration::from_secs(11));
    }
}

fn said(answer: &Answer) -> &str {
    answer.header("cache-status").unwrap()
}

const BOTH: [&str; 2] = ["/page", "/scope/page"];
const VALIDATED: &str = "cached-response; fwd=stale; fwd-status=304; stored";
