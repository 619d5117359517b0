//! Name of a response in the remote store, as `explain` returns it.

use super::{Nodes, page, ten};
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use cached_response::{Explanation, Outcome, ResponseCache, cached};
use tests::stage::Stage;

/// Explanation of a request after its answer.
async fn explained(cache: &ResponseCache, stage: &Stage, request: TestRequest) -> Explanation {
    let route = web::route().to(cached(ten(), page));
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(stage.clone()))
        .route("/explained", route);
    let response = call_service(&init_service(app).await, request.to_request()).await;
    cache.settled().await;
    let mut explained = cache.explain(response.request());
    explained.swap_remove(0)
}

fn asked(uri: &str) -> TestRequest {
    TestRequest::with_uri(uri)
}

#[actix_web::test]
async fn an_explanation_names_the_response_as_the_store_does() {
    let nodes = Nodes::new().await;
    let explained = explained(&nodes.one.cache, &nodes.stage, asked("/explained?a=1")).await;
    let name = explained.remote.clone().unwrap();
    assert!(name.starts_with("cached-response:/explained:"), "{name}");
    assert!(nodes.store.names().contains(&name), "{name}");
    let line = format!("  in the remote store as {name}\n");
    assert!(explained.to_string().ends_with(&line), "{explained}");
}

#[actix_web::test]
async fn without_a_look_up_there_is_no_name() {
    let nodes = Nodes::new().await;
    let write = asked("/explained").method(Method::POST);
    let explained = explained(&nodes.one.cache, &nodes.stage, write).await;
    assert!(
        matches!(explained.outcome, Outcome::Bypass(_)),
        "{explained}"
    );
    assert_eq!(explained.remote, None);
}

#[actix_web::test]
async fn without_a_remote_store_there_is_no_name() {
    let nodes = Nodes::new().await;
    let cache = ResponseCache::builder().build();
    let explained = explained(&cache, &nodes.stage, asked("/explained")).await;
    assert_eq!(explained.remote, None);
}
