//! Parts of the key that are serialised.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::test::init_service;
use actix_web::{App, Error, FromRequest, HttpRequest, get};
use cached_response::testing::isolated;
use cached_response::{Bypass, cached_response};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use crate::ask::{get as ask_for, get_with, run};

#[derive(Serialize)]
struct Words {
    #[serde(serialize_with = "unless_empty")]
    text: String,
}

fn unless_empty<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() {
        return Err(S::Error::custom("empty"));
    }
    serializer.serialize_str(text)
}

struct Said(Words);

impl FromRequest for Said {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request
            .headers()
            .get("x-words")
            .map(|it| it.to_str().unwrap());
        let text = text.unwrap_or_default().to_owned();
        ready(Ok(Self(Words { text })))
    }
}

#[get("/serialised")]
#[cached_response(key(serde(words.0)))]
async fn serialised(words: Said) -> String {
    format!("{} {}", run(), words.0.text)
}

#[actix_web::test]
async fn a_serialised_part_is_keyed_and_one_that_fails_bypasses() {
    let cache = isolated();
    let app = init_service(App::new().service(serialised)).await;
    for (words, body) in [("a", "1 a"), ("b", "2 b"), ("a", "1 a")] {
        assert_eq!(
            get_with(&app, "/serialised", ("x-words", words)).await.body,
            body
        );
    }
    for body in ["3 ", "4 "] {
        let answer = ask_for(&app, "/serialised").await;
        assert_eq!(
            (answer.body.as_str(), answer.detail().as_deref()),
            (body, Some("key"))
        );
    }
    assert_eq!(cache.cache().stats().bypassed(Bypass::Key), 2);
}
