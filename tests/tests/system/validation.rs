//! A stale response that its handler finds unchanged (RFC 9111 §4.3). On a clock that is turned by
//! hand.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use std::cell::RefCell;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpRequest, HttpResponse, get, web};
use cached_response::testing::ManualClock;
use cached_response::{
    CacheHandle, CacheResponses, Policy, ResponseCache, Skip, cached_response, previous,
};
use tests::stage::{Answer, InProcess, Stage};

type Fields = &'static [(&'static str, &'static str)];

/// What the handler would make now, and what its 304 says.
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
    /// What a run was shown of the previous response.
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

/// Answers "unchanged" where the previous response has the validator of now.
#[get("/page")]
#[cached_response(timeout = 10)]
async fn page(stage: web::Data<Stage>) -> HttpResponse {
    stage.run();
    let origin = ORIGIN.with_borrow(|origin| *origin);
    let previous = previous();
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

/// Every run waits at its own barrier, and finds nothing changed if it can.
#[get("/slow")]
#[cached_response(timeout = 10)]
async fn slow(stage: web::Data<Stage>, cache: CacheHandle) -> HttpResponse {
    let previous = cache.previous();
    stage.run_at_barrier().await;
    match previous {
        Some(previous) => previous.not_modified(),
        None => whole(ORIGIN.with_borrow(|origin| *origin)),
    }
}

/// Knows nothing of a cache, and answers conditions as HTTP has it.
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

#[actix_web::test]
async fn what_is_found_unchanged_is_answered_whole_and_stays_for_another_lifetime() {
    for target in BOTH {
        let scene = Scene::of(TAGGED).await;
        let first = scene.get(target).await;
        assert_eq!((first.status.as_u16(), first.text()), (200, "one".into()));
        scene.expire();
        let second = scene.get(target).await;
        assert_eq!(said(&second), VALIDATED, "{target}");
        assert_eq!((second.status.as_u16(), second.text()), (200, "one".into()));
        assert_eq!(second.header("age"), None);
        let third = scene.get(target).await;
        assert_eq!(third.header("age"), Some("0"));
        assert_eq!(third.text(), "one");
        assert_eq!(scene.stage.runs(), 2, "{target}");
        assert_eq!(scene.stage.cache.stats().validated, 1);
        SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, Some("\"1\"".into())]));
    }
}

#[actix_web::test]
async fn fields_of_the_304_replace_the_stored_ones_and_others_stay() {
    let origin = Origin {
        fields: &[
            ("etag", "\"1\""),
            ("x-edition", "first"),
            ("x-edition", "too"),
            ("x-kept", "yes"),
            ("content-type", "text/plain"),
            ("content-encoding", "x-none"),
        ],
        unchanged: &[
            ("x-edition", "second"),
            ("x-new", "1"),
            ("content-encoding", "gzip"),
            ("content-range", "bytes 0-1/2"),
            ("content-type", "text/html"),
            ("connection", "x-kept"),
            ("x-kept", "no"),
        ],
        ..TAGGED
    };
    for target in BOTH {
        let scene = Scene::of(origin).await;
        scene.get(target).await;
        scene.expire();
        scene.get(target).await;
        let hit = scene.get(target).await;
        assert!(said(&hit).contains("hit"), "{target}");
        let edition: Vec<_> = hit.headers.get_all("x-edition").collect();
        assert_eq!(edition, ["second"], "{target}");
        for (name, value) in [
            ("x-new", Some("1")),
            ("content-type", Some("text/html")),
            ("content-encoding", Some("x-none")),
            ("content-range", None),
            ("x-kept", Some("yes")),
        ] {
            assert_eq!(hit.header(name), value, "{target} {name}");
        }
    }
}

#[actix_web::test]
async fn what_has_changed_replaces_the_stored_response() {
    for target in BOTH {
        let scene = Scene::of(TAGGED).await;
        scene.get(target).await;
        scene.expire();
        ORIGIN.set(Origin {
            body: "two",
            fields: &[("etag", "\"2\"")],
            unchanged: &[],
        });
        let live = scene.get(target).await;
        assert_eq!(said(&live), "cached-response; fwd=stale; stored");
        assert_eq!(live.text(), "two");
        assert_eq!(scene.get(target).await.text(), "two");
        assert_eq!(scene.stage.runs(), 2);
    }
}

/// RFC 9111 §4.3.1.
#[actix_web::test]
async fn a_service_is_asked_by_tag_and_by_date() {
    let service = async |request: HttpRequest| {
        let asked = |name| request.headers().get(name).cloned();
        let asked = [asked("if-none-match"), asked("if-modified-since")];
        let (tag, date) = ("\"1\"", MODIFIED);
        let both = asked == [tag, date].map(|it| Some(HeaderValue::from_static(it)));
        let mut response = HttpResponse::Ok();
        if both {
            response.status(StatusCode::NOT_MODIFIED);
        }
        let response = response.insert_header(("etag", tag));
        response.insert_header(("last-modified", date)).finish()
    };
    let clock = ManualClock::new();
    let cache = ResponseCache::builder().clock(&clock).build();
    let app = App::new()
        .app_data(cache)
        .wrap(CacheResponses::new(Policy::new(10)))
        .default_service(web::to(service));
    let app = init_service(app).await;
    let get = || call_service(&app, TestRequest::with_uri("/").to_request());
    get().await;
    clock.advance(Duration::from_secs(11));
    assert_eq!(
        get().await.headers().get("cache-status").unwrap(),
        VALIDATED
    );
}

/// A made-up tag as `If-None-Match` would switch `If-Modified-Since` off (RFC 9110 §13.1.3).
#[actix_web::test]
async fn a_tag_that_the_handler_does_not_know_is_not_shown_to_it() {
    let dated = Origin {
        fields: DATED,
        unchanged: &[],
        ..TAGGED
    };
    let neither = Origin {
        fields: &[],
        ..dated
    };
    for target in BOTH {
        let scene = Scene::of(dated).await;
        for _ in 0..3 {
            let live = scene.get(target).await;
            assert_eq!(live.text(), "one");
            assert!(live.header("etag").is_some());
            scene.expire();
        }
        assert_eq!(scene.stage.cache.stats().validated, 2, "{target}");
        let date = Some(MODIFIED.to_owned());
        SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, date.clone(), date]));

        let scene = Scene::of(neither).await;
        scene.get(target).await;
        scene.expire();
        scene.get(target).await;
        SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, None], "{target}"));
    }
}

#[actix_web::test]
async fn a_clients_own_conditions_are_its_own() {
    for target in BOTH {
        let scene = Scene::of(TAGGED).await;
        scene.get(target).await;
        scene.expire();
        let known = scene.get_with(target, "if-none-match", "\"1\"").await;
        assert_eq!(known.status.as_u16(), 304, "{target}");
        let other = scene.get_with(target, "if-none-match", "\"0\"").await;
        assert_eq!((other.status.as_u16(), other.text()), (200, "one".into()));
        scene.expire();
        let part = scene.get_with(target, "range", "bytes=1-").await;
        assert!([200, 206].contains(&part.status.as_u16()), "{target}");
        assert!(["ne", "one"].contains(&&*part.text()), "{target}");
        assert_eq!(scene.get(target).await.text(), "one");
    }
}

#[actix_web::test]
async fn a_304_that_names_another_response_is_answered_and_not_stored() {
    let origin = Origin {
        unchanged: &[("etag", "\"2\""), ("x-edition", "second")],
        ..TAGGED
    };
    // What has no tag has not this one either.
    let untagged = Origin {
        fields: DATED,
        ..origin
    };
    for (target, origin) in BOTH
        .into_iter()
        .flat_map(|target| [(target, origin), (target, untagged)])
    {
        let scene = Scene::of(origin).await;
        scene.get(target).await;
        scene.expire();
        let live = scene.get(target).await;
        assert_eq!((live.status.as_u16(), live.text()), (200, "one".into()));
        assert!(said(&live).ends_with("fwd=stale; detail=validator"));
        let stats = scene.stage.cache.stats();
        assert_eq!(stats.skipped(Skip::Validator), 1, "{target}");
    }
}

#[actix_web::test]
async fn what_was_invalidated_is_not_offered_for_validation() {
    for target in BOTH {
        let scene = Scene::of(TAGGED).await;
        scene.get(target).await;
        scene.stage.cache.invalidate_path(target);
        scene.get(target).await;
        SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, None], "{target}"));
    }
}

#[actix_web::test]
async fn an_invalidation_during_the_validation_outdates_its_result() {
    let scene = Scene::of(TAGGED).await;
    let first = scene.app.get("/slow");
    scene.stage.at_run(1).await;
    scene.stage.release(1);
    first.answer().await;
    scene.expire();
    let validating = scene.app.get("/slow");
    scene.stage.at_run(2).await;
    scene.stage.cache.invalidate_path("/slow");
    scene.stage.release(2);
    assert_eq!(validating.answer().await.text(), "one");
    let after = scene.app.get("/slow");
    scene.stage.at_run(3).await;
    scene.stage.release(3);
    let after = after.answer().await;
    assert_eq!(said(&after), "cached-response; fwd=uri-miss; stored");
}

#[actix_web::test]
async fn followers_get_what_was_found_unchanged() {
    let scene = Scene::of(TAGGED).await;
    let first = scene.app.get("/slow");
    scene.stage.at_run(1).await;
    scene.stage.release(1);
    first.answer().await;
    scene.expire();
    let leader = scene.app.get("/slow");
    scene.stage.at_run(2).await;
    let follower = scene.app.get("/slow");
    scene.stage.release(2);
    assert_eq!(said(&leader.answer().await), VALIDATED);
    assert_eq!(follower.answer().await.text(), "one");
    assert_eq!(scene.stage.runs(), 2);
}

#[actix_web::test]
async fn after_another_lifetime_nothing_is_left_to_validate() {
    let scene = Scene::of(TAGGED).await;
    scene.get("/page").await;
    scene.clock.advance(Duration::from_secs(21));
    scene.get("/page").await;
    SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, None]));
}

#[actix_web::test]
async fn outside_a_cached_handler_there_is_nothing_previous() {
    assert!(previous().is_none());
}
