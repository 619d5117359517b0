//! The admin scope: what a cache does, and how to steer it, over HTTP.
//!
//! ```
//! use actix_web::{App, test};
//! use cached_response::{ResponseCache, admin};
//!
//! # #[actix_web::main] async fn main() {
//! let cache = ResponseCache::builder().build();
//! let secret = "0123456789abcdef"; // from the environment, made by `openssl rand -hex 16`
//! let app = App::new()
//!     .app_data(cache.clone())
//!     .service(admin::scope("/cache", cache.clone(), admin::token(secret)));
//!
//! let app = test::init_service(app).await;
//! let request = || test::TestRequest::with_uri("/cache/entries");
//! let refused = test::call_service(&app, request().to_request()).await;
//! assert_eq!(refused.status(), 401);
//! let admitted = request().insert_header(("authorization", format!("Bearer {secret}")));
//! let entries = test::call_and_read_body(&app, admitted.to_request()).await;
//! assert_eq!(entries, r#"{"entries":[],"next":null}"#);
//! # }
//! ```
//!
//! | request | answer |
//! |---|---|
//! | `GET /stats` | the counts of [`ResponseCache::stats`], as JSON |
//! | `GET /metrics` | the same in the text format of Prometheus |
//! | `GET /advice` | [`ResponseCache::advice`]: what the counts suggest to change |
//! | `GET /routes` | the cached handlers by route pattern, with their policies and figures: requests, hits, hit ratio, time saved |
//! | `GET /entries?prefix=&sort=&limit=&after=` | the entries in memory: `sort` is `path`, `bytes` or `uses`; `limit` is 100 unless set, and 1,000 at most; `next` of a page is `after` of the next one |
//! | `GET /explain?method=&url=&header=` | what would become of that request, as one of HTTP/1.1; `url` is a path, or an address with the scheme `http` or `https`; `header` (`name: value`) may be repeated; `unseen` says what a description has not |
//! | `GET /` | with the feature `dashboard`: a page with these figures, which polls them every two seconds; in a browser, behind [`token`], log in as `admin` |
//! | `POST /invalidate` | invalidates `tag`, `tags`, `path`, `url`, `prefix`, `route` (a pattern or a handler) or `"all": true` of a JSON object; `"soft": true` expires; the answer waits for the remote store and for the message to the other processes, whose memory follows as it does for [`invalidate_tag`](ResponseCache::invalidate_tag), and says which failed (502, 504) |
//!
//! # What is shown
//!
//! Methods, paths, route patterns, names of handlers, of headers and of cookies, statuses, ages, sizes,
//! tags. Never a body, a query string, the value of a header, of a cookie or of `key(..)`, or a digest: not
//! of what is stored, and not of the request itself. A path or a tag that has a secret in it shows it.
//!
//! # Who is admitted
//!
//! The one that [`Access`] admits, checked first, for each request. A guard that admits everyone is the
//! author's word: there is none here. A request that a page of another origin sends is refused with 403
//! (`Sec-Fetch-Site`, or else `Origin` compared with `Host`), and a POST without `Content-Type:
//! application/json` with 415, so that no page elsewhere can use a browser that is logged in. No answer is
//! stored, by a browser or by [`CacheResponses`](crate::CacheResponses) around it.

pub(crate) mod access;
#[cfg(feature = "dashboard")]
pub(crate) mod dashboard;
pub(crate) mod entries;
pub(crate) mod explanation;
pub(crate) mod prometheus;
pub(crate) mod removal;
pub(crate) mod route_list;

pub use crate::admin::access::{Access, AdminToken};

use crate::{
    admin::{entries::EntriesQuery, explanation::Described, removal::Removal},
    cache::ResponseCache,
};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{AppService, HttpServiceFactory, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::{Next, from_fn},
    web::{self, Bytes, Data},
};
use serde::Serialize;
use serde_json::json;
use std::{fmt, rc::Rc};
use tokio::sync::Semaphore;

/// Longest body of a request, in bytes.
const MAX_REQUEST_BYTES: usize = 16 << 10;

/// One listing of the memory at a time, in the whole process.
static LISTING: Semaphore = Semaphore::const_new(1);

/// Returns the admin scope of `cache` at `path`, for requests that `access` admits.
///
/// See the [module](self) for its routes.
///
/// ```
/// use actix_web::{App, dev::Service, guard, test};
/// use cached_response::{ResponseCache, admin};
///
/// # #[actix_web::main] async fn main() {
/// let cache = ResponseCache::builder().build();
/// // Not behind a proxy on this machine: there every peer is local.
/// let local = guard::fn_guard(|context| {
///     context.head().peer_addr.is_some_and(|peer| peer.ip().is_loopback())
/// });
/// let local = guard::All(local).and(guard::Host("localhost"));
/// let app = test::init_service(App::new().service(admin::scope("/ops/cache", cache, local))).await;
/// for (host, status) in [("localhost:8080", 200), ("shop.example", 404)] {
///     let request = test::TestRequest::with_uri("/ops/cache/stats").insert_header(("host", host));
///     let request = request.peer_addr(([127, 0, 0, 1], 4000).into()).to_request();
///     assert_eq!(app.call(request).await.expect("it answers").status(), status);
/// }
/// # }
/// ```
pub fn scope(path: &str, cache: ResponseCache, access: impl Access) -> AdminScope {
    AdminScope {
        path: path.to_owned(),
        cache,
        access: Rc::new(access),
    }
}

/// Returns the access by a shared secret: sent as `Authorization: Bearer <token>`, or as the password of
/// the user `admin`, for which a browser asks.
///
/// Over plain HTTP everyone on the way reads it.
///
/// # Panics
/// If it has fewer than 16 bytes, such as an environment variable that is not set.
///
/// ```should_panic
/// let secret = std::env::var("ADMIN_TOKEN_THAT_IS_NOT_SET").unwrap_or_default();
/// let _ = cached_response::admin::token(&secret);
/// ```
#[track_caller]
pub fn token(token: &str) -> AdminToken {
    AdminToken::new(token)
}

/// The admin scope of a cache, a service of an application or of a scope; created by [`scope`].
#[must_use = "it is a service of an application"]
pub struct AdminScope {
    path: String,
    cache: ResponseCache,
    access: Rc<dyn Access>,
}

impl fmt::Debug for AdminScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminScope")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl HttpServiceFactory for AdminScope {
    fn register(self, config: &mut AppService) {
        let Self {
            path,
            cache,
            access,
        } = self;
        let scope = web::scope(&path)
            .app_data(Data::new(cache))
            .app_data(web::PayloadConfig::new(MAX_REQUEST_BYTES))
            .service(web::resource("/stats").get(stats))
            .service(web::resource("/metrics").get(metrics))
            .service(web::resource("/advice").get(advice))
            .service(web::resource("/routes").get(routes))
            .service(web::resource("/entries").get(list_entries))
            .service(web::resource("/explain").get(explain))
            .service(web::resource("/invalidate").post(invalidate));
        #[cfg(feature = "dashboard")]
        let scope = dashboard::add(scope);
        scope
            .default_service(web::to(async || {
                mistake(StatusCode::NOT_FOUND, "no such route of the admin scope")
            }))
            .wrap(from_fn(move |request, next| {
                admitted(access.clone(), request, next)
            }))
            .register(config);
    }
}

/// Answers a request that is admitted, and makes its answer private.
async fn admitted(
    access: Rc<dyn Access>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let refusal = access.refusal(&request.guard_ctx());
    let mut response = match refusal.or_else(|| foreign(&request)) {
        Some(refusal) => request.into_response(refusal),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    for (name, value) in PRIVATE {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    if !response
        .headers()
        .contains_key(header::CONTENT_SECURITY_POLICY)
    {
        let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
    Ok(response)
}

const PRIVATE: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    // An application may set these for all its answers, and a CDN prefers them.
    (HeaderName::from_static("cdn-cache-control"), "no-store"),
    (HeaderName::from_static("surrogate-control"), "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Refuses a request that a page of another origin may have sent.
fn foreign(request: &ServiceRequest) -> Option<HttpResponse> {
    let is_page = matches!(request.match_info().unprocessed(), "" | "/");
    if access::is_cross_site(request.head(), is_page) {
        return Some(mistake(
            StatusCode::FORBIDDEN,
            "a page of another origin has sent this request",
        ));
    }
    let is_json = |value: &HeaderValue| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next();
        essence.is_some_and(|essence| {
            essence
                .trim_ascii()
                .eq_ignore_ascii_case(b"application/json")
        })
    };
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(is_json);
    (request.method() == Method::POST && !is_json).then(|| {
        mistake(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "write `Content-Type: application/json`",
        )
    })
}

fn answer(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).json(body)
}

fn mistake(status: StatusCode, error: &str) -> HttpResponse {
    answer(status, &json!({ "error": error }))
}

async fn stats(cache: Data<ResponseCache>) -> HttpResponse {
    answer(StatusCode::OK, &cache.stats())
}

async fn advice(cache: Data<ResponseCache>) -> HttpResponse {
    answer(StatusCode::OK, &json!({ "advice": cache.advice() }))
}

async fn metrics(cache: Data<ResponseCache>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, prometheus::CONTENT_TYPE))
        .body(prometheus::text(&cache.stats()))
}

async fn routes(cache: Data<ResponseCache>) -> HttpResponse {
    answer(
        StatusCode::OK,
        &json!({ "routes": route_list::list(&cache) }),
    )
}

async fn list_entries(request: HttpRequest, cache: Data<ResponseCache>) -> HttpResponse {
    let query = web::Query::<EntriesQuery>::from_query(request.query_string());
    let Ok(query) = query else {
        let error =
            "the parameters are `prefix`, `sort` (`path`, `bytes` or `uses`), `limit` and `after`";
        return mistake(StatusCode::BAD_REQUEST, error);
    };
    let cache = ResponseCache::clone(&cache);
    let one = LISTING.acquire().await;
    let listed = web::block(move || {
        // Held by the thread: it goes on when the client has left.
        let _one = one;
        entries::list(&cache, &query)
    });
    let listed = listed.await;
    match listed {
        Ok(Ok(page)) => answer(StatusCode::OK, &page),
        Ok(Err(error)) => mistake(StatusCode::BAD_REQUEST, error),
        Err(_) => mistake(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"),
    }
}

async fn explain(request: HttpRequest, cache: Data<ResponseCache>) -> HttpResponse {
    match Described::parse(request.query_string()) {
        Ok(described) => answer(StatusCode::OK, &described.explain(&cache, &request)),
        Err(error) => mistake(StatusCode::BAD_REQUEST, error),
    }
}

async fn invalidate(cache: Data<ResponseCache>, body: Bytes) -> HttpResponse {
    match Removal::parse(&body) {
        Ok(removal) => {
            let report = removal.apply(&cache).await;
            answer(report.status(), &report)
        }
        Err(error) => mistake(StatusCode::BAD_REQUEST, error),
    }
}
