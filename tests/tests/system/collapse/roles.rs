//! Requests that lead, that only wait, and that do not coalesce.

use actix_web::http::{Method, header};
use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use tests::stage::{InProcess, Stage, soon};

use super::{routes, stage};

/// The number of runs for two of them at once.
async fn runs_of_two(stage: &Stage, app: &InProcess, request: impl Fn() -> TestRequest) -> usize {
    let two = [app.ask(request()), app.ask(request())];
    soon("both have missed", || stage.cache.stats().misses == 2).await;
    (1..=2).for_each(|run| stage.release(run));
    for one in two {
        assert!(one.answer().await.status.is_success());
    }
    stage.runs()
}

/// The number of runs for this request while a leader runs.
async fn runs_beside_a_leader(uri: &str, request: TestRequest) -> usize {
    let stage = stage();
    let app = stage.app(routes).await;
    let leader = app.get(uri);
    stage.at_run(1).await;
    let beside = app.ask(request);
    soon("it has missed", || stage.cache.stats().misses == 2).await;
    (1..=2).for_each(|run| stage.release(run));
    leader.answer().await;
    assert!(beside.answer().await.status.is_success());
    stage.runs()
}

fn conditional(uri: &str, etag: &str) -> TestRequest {
    TestRequest::with_uri(uri).insert_header((header::IF_NONE_MATCH, etag))
}

const ANOTHER: &str = "\"another\"";

#[actix_web::test]
async fn conditional_requests_lead_where_no_argument_sees_headers() {
    let stage = stage();
    let app = stage.app(routes).await;
    assert_eq!(
        runs_of_two(&stage, &app, || conditional("/page/a", ANOTHER)).await,
        1
    );
}

#[actix_web::test]
async fn validators_are_compared_with_what_a_run_has_just_stored() {
    let stage = stage();
    let app = stage.app(routes).await;
    stage.release(1);
    let first = app.get("/page/a").answer().await;
    let etag = first.header("etag").expect("a stored answer has one");
    // On another stage the first run makes the same body again.
    let stage = super::stage();
    let app = stage.app(routes).await;
    let asked = [
        app.ask(conditional("/page/a", etag)),
        app.ask(conditional("/page/a", etag)),
        app.get("/page/a"),
    ];
    soon("they wait", || stage.cache.stats().misses == 3).await;
    stage.release(1);
    let mut statuses = Vec::new();
    for one in asked {
        let answer = one.answer().await;
        assert_eq!(answer.header("etag"), Some(etag));
        let length = answer.body.as_ref().map_or(0, Bytes::len);
        statuses.push((answer.status.as_u16(), length));
    }
    assert_eq!(statuses, [(304, 0), (304, 0), (200, "a, run 1".len())]);
    assert_eq!(stage.runs(), 1);
}

#[actix_web::test]
async fn conditional_requests_do_not_lead_where_the_handler_sees_them() {
    let stage = stage();
    let app = stage.app(routes).await;
    assert_eq!(
        runs_of_two(&stage, &app, || conditional("/agent", ANOTHER)).await,
        2
    );
}

#[actix_web::test]
async fn conditional_requests_wait_where_the_handler_sees_them() {
    assert_eq!(
        runs_beside_a_leader("/agent", conditional("/agent", ANOTHER)).await,
        1
    );
}

#[actix_web::test]
async fn range_requests_do_not_lead_where_the_handler_sees_them() {
    let stage = stage();
    let app = stage.app(routes).await;
    let range = || TestRequest::with_uri("/agent").insert_header((header::RANGE, "bytes=0-1"));
    assert_eq!(runs_of_two(&stage, &app, range).await, 2);
}

fn head() -> TestRequest {
    TestRequest::with_uri("/agent").method(Method::HEAD)
}

#[actix_web::test]
async fn head_never_leads() {
    let stage = stage();
    let app = stage.app(routes).await;
    assert_eq!(runs_of_two(&stage, &app, head).await, 2);
    assert_eq!(stage.cache.stats().stored, 0);
}

#[actix_web::test]
async fn head_waits_for_a_get() {
    assert_eq!(runs_beside_a_leader("/agent", head()).await, 1);
}

fn authorized() -> TestRequest {
    TestRequest::with_uri("/page/a").insert_header((header::AUTHORIZATION, "Bearer abc"))
}

#[actix_web::test]
async fn requests_with_authorization_do_not_collapse_with_one_another() {
    let stage = stage();
    let app = stage.app(routes).await;
    assert_eq!(runs_of_two(&stage, &app, authorized).await, 2);
    assert_eq!(stage.cache.stats().stored, 0);
}

#[actix_web::test]
async fn requests_with_authorization_do_not_wait_for_others() {
    assert_eq!(runs_beside_a_leader("/page/a", authorized()).await, 2);
}

#[actix_web::test]
async fn others_do_not_wait_for_requests_with_authorization() {
    let stage = stage();
    let app = stage.app(routes).await;
    let theirs = app.ask(authorized());
    stage.at_run(1).await;
    let ours = app.get("/page/a");
    stage.at_run(2).await;
    (1..=2).for_each(|run| stage.release(run));
    assert_eq!(theirs.text().await, "a, run 1");
    assert_eq!(ours.text().await, "a, run 2");
    assert_eq!(app.get("/page/a").text().await, "a, run 2");
}
