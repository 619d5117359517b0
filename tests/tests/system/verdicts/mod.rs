//! What is stored, and what never is.
#![expect(
    clippy::unwrap_used,
    reason = "handlers and helpers of tests are tests, too"
)]

use actix_web::test::init_service;
use actix_web::{App, HttpResponse, get, web};
use cached_response::cached_response;
use cached_response::testing::isolated;

use crate::ask::{get as ask_for, run};

mod browsers;
mod cache_control;
mod headers;
mod lengths;
mod own_words;
mod statuses;

/// Answers with the headers that the query gives, in their order.
#[get("/headers")]
#[cached_response]
async fn with_headers(given: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in given.iter() {
        response.append_header((name.as_str(), value.as_str()));
    }
    response.body(format!("{:04}", run()))
}

fn asking_for(headers: &[(&str, &str)]) -> String {
    format!("/headers?{}", escaped(headers))
}

pub(crate) fn escaped(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
        bytes.collect::<Vec<_>>().concat()
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Asks twice, and says why the second answer was not a hit; `None` where it was.
async fn refused(headers_given: &[(&str, &str)]) -> Option<String> {
    let _cache = isolated();
    let app = init_service(App::new().service(with_headers)).await;
    let target = asking_for(headers_given);
    let first = ask_for(&app, &target).await;
    assert_eq!(first.status, 200, "{headers_given:?}");
    let second = ask_for(&app, &target).await;
    assert_eq!(second.is_hit(), first.body == second.body);
    second.detail()
}
