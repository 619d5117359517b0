//! The entity tag that an answer has.

use actix_web::App;
use actix_web::test::init_service;
use cached_response::testing::isolated;
use tests::process::Example;
use tests::raw::{self, Request as Sent};

use super::{bare, tagged};
use crate::ask::{get as ask_for, is_hit};

/// No field is added that downstream caches would act on.
#[actix_web::test]
async fn the_entity_tag_is_strong_and_the_same_on_miss_and_hit() {
    let _cache = isolated();
    let app = init_service(App::new().service(bare).service(tagged)).await;
    let tag = ask_for(&app, "/bare").await.header("etag").unwrap();
    assert!(
        tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20,
        "{tag}"
    );
    assert_eq!(ask_for(&app, "/bare").await.header("etag").unwrap(), tag);
    for _ in 0..2 {
        assert_eq!(
            ask_for(&app, "/tagged").await.header("etag").unwrap(),
            "W/\"own\""
        );
    }
}

/// No field is added that downstream caches would act on.
#[test]
fn the_entity_tag_is_equal_in_two_processes() {
    let tags = [(); 2].map(|()| {
        let app = Example::start("blackbox").unwrap();
        let script = Sent::new("PUT", "/_script/1").body("[{\"body\": \"always the same\"}]");
        assert_eq!(raw::fetch(app.address(), &script).unwrap().status(), 201);
        let fetch = || raw::fetch(app.address(), &Sent::get("/t60/1")).unwrap();
        let (miss, hit) = (fetch(), fetch());
        assert!(!is_hit(&miss) && is_hit(&hit));
        assert_eq!(miss.header("etag"), hit.header("etag"));
        hit.header("etag").unwrap()
    });
    assert_eq!(tags[0], tags[1]);
}
