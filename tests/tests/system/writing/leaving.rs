//! Writes whose response is not sent.

use super::{invalidated, read, stored};
use actix_web::{Responder, post, rt::System, test::TestRequest, web};
use cached_response::invalidates;
use tests::{
    alone::{ORDERED, Panics, alone},
    stage::{Stage, soon},
};

/// Writes, and waits before it returns.
#[post("/write")]
#[invalidates(path("/read/a"))]
async fn write(stage: web::Data<Stage>) -> impl Responder {
    stage.barriers.at("written").await;
    "written"
}

#[post("/panic")]
#[invalidates(path("/read/a"))]
async fn panicking() -> &'static str {
    std::panic::panic_any(ORDERED)
}

#[post("/expression")]
#[invalidates(path("/read/b", no_name()))]
async fn in_an_expression() -> impl Responder {
    "never"
}

fn no_name() -> String {
    std::panic::panic_any(ORDERED)
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(read)
        .service(write)
        .service(panicking)
        .service(in_an_expression);
}

#[actix_web::test]
async fn a_client_that_disconnects_during_the_write_does_not_prevent_the_invalidation() {
    let (stage, app) = stored(routes).await;
    let asked = app.ask(TestRequest::post().uri("/write"));
    soon("it has written", || stage.barriers.count("written") == 1).await;
    assert_eq!(invalidated(&app).await, "neither", "it is still at work");
    asked.leave().await;
    assert_eq!(invalidated(&app).await, "a");
}

#[test]
fn a_panic_does_not_prevent_the_invalidation() {
    alone(|| {
        let panics = Panics::count();
        System::new().block_on(async {
            let (_, app) = stored(routes).await;
            let asked = app.ask(TestRequest::post().uri("/panic"));
            assert!(asked.survived().await.is_none());
            assert_eq!(panics.ordered(), 1);
            assert_eq!(invalidated(&app).await, "a");
        });
    });
}

#[test]
fn a_panic_in_a_target_expression_invalidates_nothing() {
    alone(|| {
        let panics = Panics::count();
        System::new().block_on(async {
            let (_, app) = stored(routes).await;
            let asked = app.ask(TestRequest::post().uri("/expression"));
            assert!(asked.survived().await.is_none());
            assert_eq!(panics.ordered(), 1);
            assert_eq!(invalidated(&app).await, "neither");
        });
    });
}
