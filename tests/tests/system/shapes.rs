//! Every shape of a handler works under `#[cached_response]`.

mod drops;
mod names;
mod options;
mod orders;
mod outputs;
mod places;
mod signatures;
mod stale;

use actix_web::{
    App,
    http::{StatusCode, header},
    test,
    web::ServiceConfig,
};

/// Sends a request twice. The second response must be the first one, from the store.
async fn answered_from_the_store(configure: impl FnOnce(&mut ServiceConfig), uri: &str) -> String {
    let app = test::init_service(App::new().configure(configure)).await;
    let mut bodies = Vec::new();
    for stored in [false, true] {
        let response =
            test::call_service(&app, test::TestRequest::get().uri(uri).to_request()).await;
        assert_eq!(response.status(), StatusCode::OK, "{uri}");
        assert_eq!(
            response.headers().contains_key(header::AGE),
            stored,
            "{uri}: {:?}",
            response.headers()
        );
        bodies.push(test::read_body(response).await);
    }
    assert_eq!(bodies[0], bodies[1], "{uri}");
    String::from_utf8_lossy(&bodies[0]).into_owned()
}

/// Sends the requests in sequence to one application, and returns which were hits.
async fn stored(configure: impl FnOnce(&mut ServiceConfig), uris: &[&str]) -> Vec<bool> {
    let app = test::init_service(App::new().configure(configure)).await;
    let mut stored = Vec::new();
    for uri in uris {
        let response =
            test::call_service(&app, test::TestRequest::get().uri(uri).to_request()).await;
        stored.push(response.headers().contains_key(header::AGE));
        test::read_body(response).await;
    }
    stored
}
