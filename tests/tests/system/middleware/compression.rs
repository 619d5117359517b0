//! `Compress` on either side of the middleware.

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::middleware::Compress;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, web};
use cached_response::ResponseCache;
use cached_response::testing::isolated;
use tests::stage::{Stage, soon};

use super::minute;
use crate::ask::{get, get_with, run};

/// Long enough to be worth compressing.
async fn long() -> String {
    format!("{} {}", run(), "long ".repeat(1000))
}

/// The `accept-encoding` of a request, the coding of its response, and true for a hit.
type Asked = (&'static str, &'static str, bool);

async fn codings<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    all: &[Asked],
) {
    for (accepted, coding, stored) in all {
        let answer = get_with(app, "/", ("accept-encoding", accepted)).await;
        let given = answer.header("content-encoding").unwrap_or_default();
        assert_eq!(
            (given.as_str(), answer.is_hit()),
            (*coding, *stored),
            "{accepted}"
        );
        assert_eq!(answer.body.len() < 1000, *coding == "gzip", "{accepted}");
    }
}

#[actix_web::test]
async fn with_compress_outside_one_plain_response_is_stored() {
    let cache = isolated();
    let app = App::new()
        .wrap(minute())
        .wrap(Compress::default())
        .default_service(web::to(long));
    let app = init_service(app).await;
    let all = [
        ("gzip", "gzip", false),
        ("gzip", "gzip", true),
        ("identity", "", true),
    ];
    codings(&app, &all).await;
    assert_eq!(cache.cache().stats().entries, 1);
}

#[actix_web::test]
async fn with_compress_inside_each_coding_is_a_variant() {
    let cache = isolated();
    let app = App::new()
        .wrap(Compress::default())
        .wrap(minute())
        .default_service(web::to(long));
    let app = init_service(app).await;
    let all = [
        ("gzip", "gzip", false),
        ("gzip", "gzip", true),
        ("identity", "", false),
        ("identity", "", true),
        ("gzip", "gzip", true),
    ];
    codings(&app, &all).await;
    // The list of names, and two variants.
    assert_eq!(cache.cache().stats().entries, 3);
}

#[actix_web::test]
async fn a_first_client_without_codings_does_not_prevent_compression_for_others() {
    for first in [Some("identity"), Some("*"), None] {
        let cache = isolated();
        let app = App::new()
            .wrap(Compress::default())
            .wrap(minute())
            .default_service(web::to(long));
        let app = init_service(app).await;
        let live = match first {
            Some(accepted) => get_with(&app, "/", ("accept-encoding", accepted)).await,
            None => get(&app, "/").await,
        };
        assert_eq!(live.header("content-encoding"), None);
        let all = [
            ("gzip, deflate", "gzip", false),
            ("gzip, deflate", "gzip", true),
            // A list of names has replaced the first response.
            ("identity", "", false),
            ("identity", "", true),
            ("gzip, deflate", "gzip", true),
        ];
        codings(&app, &all).await;
        assert_eq!(cache.cache().stats().entries, 3);
    }
}

#[actix_web::test]
async fn clients_that_accept_the_same_codings_share_a_response() {
    let _cache = isolated();
    let app = App::new()
        .wrap(Compress::default())
        .wrap(minute())
        .default_service(web::to(long));
    let app = init_service(app).await;
    let all = [
        ("gzip, deflate, br, zstd", "gzip", false),
        ("br,zstd ,gzip,deflate", "gzip", true),
        ("gzip, deflate, br", "gzip", false),
        ("gzip;q=0.5, deflate", "deflate", false),
    ];
    for (accepted, coding, stored) in all {
        let answer = get_with(&app, "/", ("accept-encoding", accepted)).await;
        let given = answer.header("content-encoding").unwrap_or_default();
        assert_eq!(
            (given.as_str(), answer.is_hit()),
            (coding, stored),
            "{accepted}"
        );
    }
}

#[actix_web::test]
async fn without_compression_one_response_is_shared() {
    let cache = isolated();
    let app = App::new().wrap(minute()).default_service(web::to(long));
    let app = init_service(app).await;
    let all = [
        ("identity", "", false),
        // The coding of this one is still unknown.
        ("gzip, deflate, br", "", false),
        ("gzip, deflate, br, zstd", "", true),
        ("gzip", "", true),
        ("br;q=1, gzip;q=0", "", true),
        ("identity", "", true),
    ];
    codings(&app, &all).await;
    assert_eq!((run(), cache.cache().stats().entries), (3, 1));
}

async fn held(stage: web::Data<Stage>) -> String {
    let run = stage.run_at_barrier().await;
    format!("{run} {}", "long ".repeat(1000))
}

fn behind(app: &mut web::ServiceConfig) {
    let scope = web::scope("/behind")
        .wrap(Compress::default())
        .wrap(minute())
        .route("/page", web::get().to(held));
    app.service(scope);
}

#[actix_web::test]
async fn a_client_that_accepts_a_coding_does_not_wait_for_a_run_without_one() {
    let stage = Stage::new(ResponseCache::builder().build());
    let app = stage.app(behind).await;
    let ask = |accepted: &str| {
        let request = TestRequest::with_uri("/behind/page");
        app.ask(request.insert_header(("accept-encoding", accepted)))
    };
    let leader = ask("identity");
    stage.at_run(1).await;
    let waiters = [ask("gzip"), ask("identity")];
    soon("they follow", || stage.cache.stats().misses == 3).await;
    (1..=2).for_each(|run| stage.release(run));
    assert_eq!(leader.answer().await.header("content-encoding"), None);
    let [coded, plain] = waiters;
    assert_eq!(
        coded.answer().await.header("content-encoding"),
        Some("gzip")
    );
    assert!(plain.text().await.starts_with("1 "));
    assert_eq!(stage.runs(), 2);
}
