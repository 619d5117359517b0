//! An app that plays scripted answers, to test a cache from outside.
//!
//! * `PUT /_script/{id}`: a JSON array of answers (see `answer.rs`). The Nth run of the handler for this
//!   id returns the Nth; the last one repeats.
//! * `GET /_log/{id}`: the requests that the handler received. `POST /_invalidate?all=1`: invalidates
//!   everything; `?path=P`, a path; `?path=P&query=Q`, one URL.
//! * Any method on `/{profile}/{id}{rest}`: one handler; each profile has other options. Its answers have
//!   `X-Run: N`.
//!
//! Run it with `PORT=8080 cargo run --example blackbox`.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;
use std::{env, io};

use actix_web::dev::HttpServiceFactory;
use actix_web::error::{ErrorBadRequest, ErrorServiceUnavailable};
use actix_web::middleware::Compress;
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, Resource};
use cached_response::{CacheResponses, Policy, ResponseCache, cached_response};
use scripts::Scripts;

mod answer;
mod scripts;

/// The script's id, and the rest of the path.
type Place = web::Path<(String, String)>;
type Store = web::Data<Scripts>;
type Played = Result<HttpResponse, Error>;

// Its handler sees the whole request, but does not depend on the order of the query.
#[cached_response(timeout = 60, vary(none), max_body_bytes = "8MiB", query = all)]
async fn t60(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 2, vary(none), max_body_bytes = "8MiB")]
async fn t2(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = Duration::ZERO, vary(none), max_body_bytes = "8MiB")]
async fn t0(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

async fn off(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 60, vary(none), max_body_bytes = 1000)]
async fn big(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 60, vary(none), max_body_bytes = "8MiB", status(404))]
async fn status(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 60, vary(none), max_body_bytes = "8MiB", query("page"))]
async fn qonly(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(
    timeout = 60,
    vary(none),
    max_body_bytes = "8MiB",
    ignore_query("utm_*")
)]
async fn ignq(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 60, vary("x-tenant"), max_body_bytes = "8MiB")]
async fn byhdr(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 60, vary("x-a", "x-b"), max_body_bytes = "8MiB")]
async fn byhdr2(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 60, vary("authorization"), max_body_bytes = "8MiB")]
async fn auth(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 60, vary(none), max_body_bytes = "8MiB", methods(POST), body)]
async fn post(request: HttpRequest, place: Place, body: Bytes, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &body).await
}

#[cached_response(timeout = 60, vary(none), max_body_bytes = "8MiB")]
async fn etag(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(timeout = 2, vary(none), max_body_bytes = "8MiB")]
async fn etag2(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(
    timeout = 1,
    stale_while_revalidate = 30,
    failure_cooldown = 0,
    vary(none),
    max_body_bytes = "8MiB"
)]
async fn swr(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(
    timeout = 1,
    stale_while_revalidate = 2,
    failure_cooldown = 0,
    vary(none),
    max_body_bytes = "8MiB"
)]
async fn swr2(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(
    timeout = 1,
    stale_if_error = 30,
    failure_cooldown = 0,
    vary(none),
    max_body_bytes = "8MiB"
)]
async fn sie(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(
    timeout = 1,
    stale_if_error = 2,
    failure_cooldown = 0,
    vary(none),
    max_body_bytes = "8MiB"
)]
async fn sie2(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

/// Behind `Compress`, which encodes a stored response for each client.
#[cached_response(timeout = 60, vary(none), max_body_bytes = "8MiB")]
async fn gz(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

#[cached_response(
    timeout = response,
    respect_client = true,
    targeted = "CDN-Cache-Control",
    failure_cooldown = 0,
    vary(none),
    max_body_bytes = "8MiB",
    query = all
)]
async fn rfc(request: HttpRequest, place: Place, scripts: Store) -> Played {
    scripts.play(&place.0, &request, &Bytes::new()).await
}

async fn put_script(id: web::Path<String>, answers: Bytes, scripts: Store) -> Played {
    let answers = serde_json::from_slice(&answers).map_err(ErrorBadRequest)?;
    scripts.put(id.into_inner(), answers);
    Ok(HttpResponse::Created().finish())
}

async fn log(id: web::Path<String>, scripts: Store) -> HttpResponse {
    match scripts.runs(&id) {
        Some(runs) => HttpResponse::Ok().json(runs),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn invalidate(
    what: web::Query<HashMap<String, String>>,
    cache: web::Data<ResponseCache>,
) -> Played {
    let what = |name| what.get(name).map(String::as_str);
    if let Some(tag) = what("tag") {
        let invalidated = cache.invalidate_tag(tag).await;
        invalidated.map_err(ErrorServiceUnavailable)?;
        return Ok(HttpResponse::NoContent().finish());
    }
    let invalidated = match (what("all"), what("path"), what("query")) {
        (Some("1"), None, None) => cache.invalidate_all(),
        (None, Some(path), None) => cache.invalidate_path(path),
        (None, Some(path), Some(query)) => cache.invalidate_url(&format!("{path}?{query}")),
        _ => return Ok(HttpResponse::NotImplemented().finish()),
    };
    invalidated.await.map_err(ErrorServiceUnavailable)?;
    Ok(HttpResponse::NoContent().finish())
}

/// The middleware, in front of a plain handler.
fn scope() -> impl HttpServiceFactory {
    let policy = Policy::new(60).max_body_bytes(8 << 20).query_all();
    web::scope("/scope")
        .wrap(CacheResponses::new(policy))
        .service(web::resource("/{id:[0-9a-f]+}{rest:.*}").to(off))
}

fn profile(name: &str) -> Resource {
    web::resource(format!("/{name}/{{id:[0-9a-f]+}}{{rest:.*}}"))
}

fn routes(app: &mut ServiceConfig) {
    app.route("/_script/{id}", web::put().to(put_script))
        .route("/_log/{id}", web::get().to(log))
        .route("/_invalidate", web::post().to(invalidate))
        .service(profile("t60").to(t60))
        .service(profile("t2").to(t2))
        .service(profile("t0").to(t0))
        .service(profile("off").to(off))
        .service(profile("big").to(big))
        .service(profile("status").to(status))
        .service(profile("qonly").to(qonly))
        .service(profile("ignq").to(ignq))
        .service(profile("byhdr").to(byhdr))
        .service(profile("byhdr2").to(byhdr2))
        .service(profile("auth").to(auth))
        .service(profile("post").to(post))
        .service(profile("etag").to(etag))
        .service(profile("etag2").to(etag2))
        .service(profile("swr").to(swr))
        .service(profile("swr2").to(swr2))
        .service(profile("sie").to(sie))
        .service(profile("sie2").to(sie2))
        .service(profile("gz").wrap(Compress::default()).to(gz))
        .service(profile("rfc").to(rfc))
        .service(scope());
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or_default().parse().unwrap_or(0);
    let scripts = Store::default();
    let cache = ResponseCache::builder().build();
    let cache = web::Data::new(cache);
    let app = move || {
        App::new()
            .app_data(scripts.clone())
            .app_data(cache.clone())
            .configure(routes)
    };
    let server = HttpServer::new(app)
        .workers(2)
        .bind((Ipv4Addr::LOCALHOST, port))?;
    println!("listening on {}", server.addrs()[0]);
    server.run().await
}
