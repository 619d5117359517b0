//! Routes of a node: pages with the data of their run, invalidations, and counters.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use actix_web::error::ErrorBadGateway;
use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use actix_web::{Error, HttpResponse, get, post};
use cached_response::{
    Invalidation, Policy, ResponseCache, TrackedRequest, cached, cached_response, tag,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tests::nodes::{RunInfo, Settings, Visit};
use tokio::time::sleep;

static RUNS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn routes(settings: &Settings, app: &mut ServiceConfig) {
    let policy = Policy::new(60).tags(["page:{name}"]);
    let deployed = cached(policy.version(&settings.version), deployed);
    app.route("/deployed/{name}", web::get().to(deployed))
        .service(page)
        .service(named)
        .service(spoken)
        .service(member)
        .service(brief)
        .service(plain)
        .service(invalidate_tag)
        .service(expire_tag)
        .service(invalidate_path)
        .service(invalidate_all)
        .service(stats);
}

/// Size of a page, and duration of its handler.
#[derive(Deserialize)]
struct Shape {
    size: Option<usize>,
    ms: Option<u64>,
}

/// Handler that reads at the origin, works, and returns what it has read.
async fn run(settings: &Settings, name: &str, shape: &Shape) -> Result<String, Error> {
    RUNS.fetch_add(1, SeqCst);
    let visit = Visit::read(settings.origin, name).await;
    let visit = visit.map_err(ErrorBadGateway)?;
    work(shape).await;
    let info = RunInfo {
        page: name.to_owned(),
        version: visit.version,
        run: visit.run,
        node: settings.name.clone(),
    };
    visit.end().await.map_err(ErrorBadGateway)?;
    Ok(filled(format!("{info}\n"), shape))
}

async fn work(shape: &Shape) {
    if let Some(ms) = shape.ms {
        sleep(Duration::from_millis(ms)).await;
    }
}

fn filled(mut body: String, shape: &Shape) -> String {
    let size = shape.size.unwrap_or_default();
    let rest = size.saturating_sub(body.len());
    body.extend(std::iter::repeat_n('x', rest));
    body
}

/// Its tag is in the attribute.
#[get("/page/{name}")]
#[cached_response(timeout = 60, tags("page:{name}"))]
async fn page(
    settings: Data<Settings>,
    name: Path<String>,
    shape: Query<Shape>,
) -> Result<String, Error> {
    run(&settings, &name, &shape).await
}

/// Its tag is named inside, when it has read.
#[get("/named/{name}")]
#[cached_response(timeout = 60)]
async fn named(
    settings: Data<Settings>,
    name: Path<String>,
    shape: Query<Shape>,
) -> Result<String, Error> {
    let body = run(&settings, &name, &shape).await?;
    tag(format!("page:{name}"));
    Ok(body)
}

/// One for each language.
#[get("/spoken/{name}")]
#[cached_response(timeout = 60, tags("page:{name}"))]
async fn spoken(
    settings: Data<Settings>,
    name: Path<String>,
    shape: Query<Shape>,
    request: TrackedRequest,
) -> Result<String, Error> {
    let language = request.header("accept-language").unwrap_or_default();
    let body = run(&settings, &name, &shape).await?;
    Ok(format!("{body}in {language}"))
}

/// One of many with one tag, which read nothing.
#[get("/member/{group}/{name}")]
#[cached_response(timeout = 600, tags("group:{group}"))]
async fn member(of: Path<(String, String)>) -> String {
    let run = RUNS.fetch_add(1, SeqCst);
    format!("{} {run}", of.1)
}

/// Reused for three seconds.
#[get("/brief/{name}")]
#[cached_response(timeout = 3, tags("page:{name}"))]
async fn brief(
    settings: Data<Settings>,
    name: Path<String>,
    shape: Query<Shape>,
) -> Result<String, Error> {
    run(&settings, &name, &shape).await
}

/// Each version of it is another handler.
async fn deployed(
    settings: Data<Settings>,
    name: Path<String>,
    shape: Query<Shape>,
) -> Result<String, Error> {
    run(&settings, &name, &shape).await
}

/// It reads nothing.
#[get("/plain/{name}")]
#[cached_response(timeout = 60)]
async fn plain(name: Path<String>, shape: Query<Shape>) -> String {
    RUNS.fetch_add(1, SeqCst);
    work(&shape).await;
    filled(format!("{name}\n"), &shape)
}

async fn acknowledged(invalidated: Invalidation) -> HttpResponse {
    let asked = Instant::now();
    let outcome = invalidated.await;
    let took = asked.elapsed().as_millis().to_string();
    let mut response = match &outcome {
        Ok(()) => HttpResponse::NoContent(),
        Err(_) => HttpResponse::ServiceUnavailable(),
    };
    response.insert_header(("x-took-ms", took));
    match outcome {
        Ok(()) => response.finish(),
        Err(error) => response.body(error.to_string()),
    }
}

#[post("/invalidate/tag/{tag}")]
async fn invalidate_tag(cache: Data<ResponseCache>, tag: Path<String>) -> HttpResponse {
    acknowledged(cache.invalidate_tag(&tag)).await
}

#[post("/expire/tag/{tag}")]
async fn expire_tag(cache: Data<ResponseCache>, tag: Path<String>) -> HttpResponse {
    acknowledged(cache.expire_tag(&tag)).await
}

#[post("/invalidate/path/{path:.*}")]
async fn invalidate_path(cache: Data<ResponseCache>, path: Path<String>) -> HttpResponse {
    acknowledged(cache.invalidate_path(&format!("/{path}"))).await
}

#[post("/invalidate/all")]
async fn invalidate_all(cache: Data<ResponseCache>) -> HttpResponse {
    acknowledged(cache.invalidate_all()).await
}

#[get("/stats")]
async fn stats(cache: Data<ResponseCache>) -> Json<Value> {
    let stats = cache.stats();
    let remote = stats.remote.unwrap_or_default();
    Json(json!({
        "runs": RUNS.load(SeqCst),
        "hits": stats.hits,
        "misses": stats.misses,
        "running": stats.running,
        "remote": {
            "calls": remote.calls,
            "slow": remote.slow,
            "over_max_calls": remote.over_max_calls,
            "refused": remote.refused,
            "opened": remote.opened,
            "written": remote.written,
            "dropped": remote.dropped,
        },
    }))
}
