//! Requests that change something invalidate what they changed (RFC 9111 §4.4).

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LOCATION, LOCATION};
use actix_web::test::TestRequest;
use actix_web::{HttpRequest, HttpResponse, route, web};
use cached_response::cached_response;
use tests::stage::{InProcess, Stage, soon};

use super::{routes, stage};

/// Answers a GET with the number of its run, and anything else as the request says.
#[route(
    "/orders/{id}",
    method = "GET",
    method = "HEAD",
    method = "OPTIONS",
    method = "POST",
    method = "PUT",
    method = "PATCH",
    method = "DELETE",
    method = "FROB"
)]
#[cached_response(timeout = 60, vary(none))]
async fn order(stage: web::Data<Stage>, request: HttpRequest) -> HttpResponse {
    let asked = |name: &str| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
    let mut response = HttpResponse::Ok();
    if let Some(status) = asked("x-status") {
        response.status(StatusCode::from_bytes(status.as_bytes()).unwrap());
    }
    for (name, field) in [
        ("x-location", LOCATION),
        ("x-content-location", CONTENT_LOCATION),
    ] {
        if let Some(reference) = asked(name) {
            response.insert_header((field, reference));
        }
    }
    if request.path() == "/orders/slow" {
        stage.barriers.at("answer").await;
    }
    response.body(format!("run {}", stage.run()))
}

#[route("/search", method = "GET", method = "POST")]
#[cached_response(timeout = 60, methods(GET, POST), body)]
async fn search(stage: web::Data<Stage>, _words: web::Bytes) -> String {
    format!("run {}", stage.run())
}

async fn app() -> (Stage, InProcess) {
    let stage = stage();
    let app = stage
        .app(|app| {
            routes(app);
            app.service(order).service(search);
        })
        .await;
    (stage, app)
}

fn request(method: &str, uri: &str) -> TestRequest {
    let method = actix_web::http::Method::from_bytes(method.as_bytes()).unwrap();
    TestRequest::with_uri(uri)
        .method(method)
        .insert_header(("host", "example.com"))
}

async fn is_hit(app: &InProcess, uri: &str) -> bool {
    app.get(uri).answer().await.header("age").is_some()
}

/// Whether `/orders/1` is still answered from the store after this request.
async fn survives(request: TestRequest) -> bool {
    let (_, app) = app().await;
    app.get("/orders/1").answer().await;
    assert!(is_hit(&app, "/orders/1").await);
    app.ask(request).answer().await;
    is_hit(&app, "/orders/1").await
}

#[actix_web::test]
async fn an_unsafe_method_that_succeeds_invalidates_its_path() {
    for method in ["POST", "PUT", "PATCH", "DELETE", "FROB"] {
        assert!(!survives(request(method, "/orders/1")).await, "{method}");
        assert!(
            !survives(request(method, "/orders/%31?a=1")).await,
            "{method}"
        );
        assert!(survives(request(method, "/orders/2")).await, "{method}");
    }
}

#[actix_web::test]
async fn a_safe_method_invalidates_nothing() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert!(survives(request(method, "/orders/1?a=1")).await, "{method}");
    }
}

#[actix_web::test]
async fn an_error_invalidates_nothing_and_a_redirection_does() {
    let post = |status: &'static str| {
        survives(request("POST", "/orders/1").insert_header(("x-status", status)))
    };
    for status in ["400", "403", "404", "409", "500", "503"] {
        assert!(post(status).await, "{status}");
    }
    for status in ["201", "204", "302", "303"] {
        assert!(!post(status).await, "{status}");
    }
}

#[actix_web::test]
async fn a_location_on_the_same_host_is_invalidated() {
    for field in ["x-location", "x-content-location"] {
        let post = |reference: &'static str| {
            survives(request("POST", "/orders/new").insert_header((field, reference)))
        };
        for own in [
            "/orders/1",
            "1",
            "../orders/1?a=2#b",
            "http://example.com/orders/1",
        ] {
            assert!(!post(own).await, "{field}: {own}");
        }
        for foreign in ["//example.org/orders/1", "http://example.com:81/orders/1"] {
            assert!(post(foreign).await, "{field}: {foreign}");
        }
    }
}

#[actix_web::test]
async fn the_location_in_an_error_is_not_invalidated() {
    let failed = request("POST", "/orders/new")
        .insert_header(("x-status", "409"))
        .insert_header(("x-location", "/orders/1"));
    assert!(survives(failed).await);
}

#[actix_web::test]
async fn a_method_that_the_route_caches_is_safe() {
    let (_, app) = app().await;
    app.get("/search").answer().await;
    let post = || request("POST", "/search").set_payload("words");
    assert!(app.ask(post()).answer().await.header("age").is_none());
    assert!(app.ask(post()).answer().await.header("age").is_some());
    assert!(is_hit(&app, "/search").await);
}

#[actix_web::test]
async fn the_path_is_invalidated_before_the_answer_is_there() {
    let (stage, app) = app().await;
    stage.barriers.let_pass("answer", 1);
    app.get("/orders/slow").answer().await;
    let post = app.ask(request("POST", "/orders/slow"));
    soon("it runs", || stage.barriers.count("answer") == 2).await;
    assert!(
        is_hit(&app, "/orders/slow").await,
        "it has not succeeded yet"
    );
    stage.barriers.release("answer");
    post.answer().await;
    assert!(!is_hit(&app, "/orders/slow").await);
}

#[actix_web::test]
async fn a_run_that_such_a_request_overtakes_is_not_stored() {
    let (stage, app) = app().await;
    let before = app.get("/orders/slow");
    soon("it runs", || stage.barriers.count("answer") == 1).await;
    app.ask(request("POST", "/orders/new").insert_header(("x-location", "/orders/slow")))
        .answer()
        .await;
    stage.barriers.release("answer");
    assert_eq!(before.text().await, "run 2");
    assert_eq!(app.get("/orders/slow").text().await, "run 3");
}

#[actix_web::test]
async fn paths_that_were_changed_are_counted() {
    let (stage, app) = app().await;
    let post = request("POST", "/orders/new").insert_header(("x-location", "/orders/1"));
    app.ask(post).answer().await;
    app.ask(request("POST", "/orders/new").insert_header(("x-status", "500")))
        .answer()
        .await;
    assert_eq!(stage.cache.stats().invalidations, 2);
}
