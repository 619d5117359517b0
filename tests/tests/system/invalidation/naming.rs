//! Where a handler may name its tags, and how many.

use std::convert::Infallible;

use actix_web::{HttpResponse, Responder, get, rt, web};
use cached_response::{CacheHandle, InvalidationError, ResponseCache, Skip, cached_response, tag};
use futures_util::{future::join, stream};
use tests::stage::Stage;

use super::stage;

/// Names its tag where its path says.
#[get("/named/{from}")]
#[cached_response(timeout = 60)]
async fn named(
    stage: web::Data<Stage>,
    from: web::Path<String>,
    cache: CacheHandle,
) -> HttpResponse {
    let run = stage.run();
    match from.as_str() {
        "after-an-await" => {
            tokio::task::yield_now().await;
            tag("b");
        }
        "join" => {
            join(async { tag("a") }, async { tag("b") }).await;
        }
        "task" => rt::spawn(async move { cache.tag("b") }).await.unwrap(),
        "thread" => web::block(move || cache.tag("b")).await.unwrap(),
        "body" => {
            let parts = ["run ".to_owned(), run.to_string()];
            return HttpResponse::Ok().streaming(stream::iter(parts.map(|part| {
                tag("b");
                Ok::<_, Infallible>(part.into())
            })));
        }
        other => unreachable!("{other}"),
    }
    HttpResponse::Ok().body(format!("run {run}"))
}

#[actix_web::test]
async fn a_tag_is_found_wherever_the_handler_names_it() {
    for from in ["after-an-await", "join", "task", "thread", "body"] {
        let stage = stage();
        let app = stage.app(|app| _ = app.service(named)).await;
        let uri = format!("/named/{from}");
        for _ in 0..2 {
            assert_eq!(app.get(&uri).text().await, "run 1", "{from}");
        }
        stage.cache.invalidate_tag("b");
        assert_eq!(app.get(&uri).text().await, "run 2", "{from}");
    }
}

/// Names as many tags as its path says, the last one as long.
#[get("/many/{count}/{length}")]
#[cached_response(timeout = 60)]
async fn many(path: web::Path<(usize, usize)>) -> impl Responder {
    let (count, length) = path.into_inner();
    for n in 1..count {
        tag(n.to_string());
        tag(n.to_string());
    }
    tag("x".repeat(length));
    "many"
}

#[actix_web::test]
async fn with_more_or_longer_tags_it_is_answered_and_not_stored() {
    let stage = stage();
    let app = stage.app(|app| _ = app.service(many)).await;
    for uri in ["/many/65/1", "/many/1/257"] {
        let answer = app.get(uri).answer().await;
        let status = answer.header("cache-status").unwrap();
        assert_eq!(status, "cached-response; fwd=uri-miss; detail=tags");
        assert_eq!(answer.text(), "many");
    }
    assert_eq!(stage.cache.stats().skipped(Skip::Tags), 2);
    app.get("/many/64/256").answer().await;
    assert!(
        app.get("/many/64/256")
            .answer()
            .await
            .header("age")
            .is_some()
    );
    stage.cache.invalidate_tag(&"x".repeat(256));
    assert!(
        app.get("/many/64/256")
            .answer()
            .await
            .header("age")
            .is_none()
    );
}

#[get("/reserved/{tag}")]
#[cached_response(timeout = 60, tags("{tag}"))]
async fn in_the_path(tag: web::Path<String>) -> impl Responder {
    tag.into_inner()
}

#[get("/named-reserved")]
#[cached_response(timeout = 60)]
async fn in_the_handler() -> impl Responder {
    tag("\0/named/{}");
    "reserved"
}

#[actix_web::test]
async fn the_tags_that_the_cache_gives_are_of_no_application() {
    let stage = stage();
    let routes = |app: &mut web::ServiceConfig| _ = app.service((in_the_path, in_the_handler));
    let app = stage.app(routes).await;
    for uri in ["/reserved/%00%2Fa", "/named-reserved"] {
        let answer = app.get(uri).answer().await;
        let status = answer.header("cache-status").unwrap();
        assert!(status.ends_with("detail=tags"), "{status}");
    }
    for outcome in [
        stage.cache.invalidate_tag("\0/reserved/{}").await,
        stage.cache.expire_tag("\0/reserved/{}").await,
    ] {
        let Err(InvalidationError::Nameless(why)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(why.contains("NUL"), "{why}");
    }
}

#[get("/user/{id}")]
#[cached_response(timeout = 60, tags(user(id.as_str()), format!("{id}?{}", query.len())))]
async fn expressions(
    id: web::Path<String>,
    mut query: web::Query<Vec<(String, String)>>,
) -> impl Responder {
    query.clear();
    id.into_inner()
}

fn user(id: &str) -> String {
    format!("user:{id}")
}

#[actix_web::test]
async fn an_expression_of_the_attribute_sees_the_arguments() {
    for name in ["user:7", "7?1"] {
        let cache = ResponseCache::builder().build();
        let app = Stage::new(cache.clone())
            .app(|app| _ = app.service(expressions))
            .await;
        let hit = async || {
            app.get("/user/7?a=1")
                .answer()
                .await
                .header("age")
                .is_some()
        };
        hit().await;
        assert!(hit().await);
        cache.invalidate_tag(name);
        assert!(!hit().await);
    }
}
