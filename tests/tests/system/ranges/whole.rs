//! Parts of a stored response, beside the whole.

use actix_web::http::Method;

use super::{cut, part, read, routes, stage, whole};

#[actix_web::test]
async fn a_part_is_a_hit_with_the_head_of_the_whole() {
    let stage = stage();
    let app = stage.app(routes).await;
    app.get("/kept").answer().await;
    let hit = app.get("/kept").answer().await;
    let answer = app.ask(part("/kept", "bytes=3-5")).answer().await;
    assert_eq!(read(&answer), cut("bytes 3-5/10", "345"));
    for name in [
        "content-type",
        "etag",
        "date",
        "age",
        "cache-status",
        "cache-control",
    ] {
        assert!(answer.header(name).is_some(), "{name}");
        assert_eq!(answer.header(name), hit.header(name), "{name}");
    }
    assert_eq!(stage.cache.stats().hits, 2);
}

/// RFC 9110 §13.2.2.
#[actix_web::test]
async fn a_client_with_the_whole_gets_a_304_for_any_range() {
    let stage = stage();
    let app = stage.app(routes).await;
    let live = app.get("/kept").answer().await;
    let tag = live.header("etag").expect("a stored answer has one");
    for (known, status) in [(tag, 304), ("\"another\"", 206)] {
        let both = part("/kept", "bytes=3-5").insert_header(("if-none-match", known));
        let answer = app.ask(both).answer().await;
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.header("content-range").is_some(), status == 206);
    }
}

#[actix_web::test]
async fn a_416_is_not_for_clients_to_store() {
    let stage = stage();
    let app = stage.app(routes).await;
    for live in [true, false] {
        let answer = app.ask(part("/kept", "bytes=10-")).answer().await;
        assert_eq!(read(&answer), (416, Some("bytes */10"), String::new()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("age").is_none(), live);
    }
    let whole = app.get("/kept").answer().await;
    assert_eq!(whole.header("cache-control"), Some("max-age=30"));
}

#[actix_web::test]
async fn the_answer_to_head_is_that_of_the_whole_for_any_range() {
    let stage = stage();
    let app = stage.app(routes).await;
    app.get("/file").answer().await;
    for range in ["bytes=2-3", "bytes=10-"] {
        let head = part("/file", range).method(Method::HEAD);
        let answer = app.ask(head).answer().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-range")),
            (200, None)
        );
        assert!(answer.header("age").is_some());
    }
}

#[actix_web::test]
async fn a_part_is_cut_from_the_variant_that_the_request_selects() {
    let stage = stage();
    let app = stage.app(routes).await;
    let speaking =
        |language| part("/varied", "bytes=0-5").insert_header(("accept-language", language));
    for runs in [2, 2] {
        for (language, text) in [("de", "de: 01"), ("en", "en: 01")] {
            let answer = app.ask(speaking(language)).answer().await;
            assert_eq!(read(&answer), cut("bytes 0-5/14", text));
        }
        assert_eq!(stage.runs(), runs);
    }
}

#[actix_web::test]
async fn a_download_is_resumed_with_the_tag_of_its_first_part_until_the_response_is_another() {
    let stage = stage();
    let app = stage.app(routes).await;
    (1..=2).for_each(|run| stage.release(run));
    let first = app.ask(part("/page", "bytes=0-9")).answer().await;
    let tag = first.header("etag").unwrap();
    let resumed = || part("/page", "bytes=10-").insert_header(("if-range", tag));
    let rest = app.ask(resumed()).answer().await;
    assert_eq!(first.text() + &rest.text(), "0123456789, run 1");
    stage.cache.invalidate_all();
    let other = app.ask(resumed()).answer().await;
    assert_eq!(read(&other), whole("0123456789, run 2"));
    let other = app.ask(resumed()).answer().await;
    assert_eq!(read(&other), whole("0123456789, run 2"));
}
