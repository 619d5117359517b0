//! A server with cached handlers and the admin scope of their cache.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Error, FromRequest, HttpRequest, Responder, dev::Payload, get};
use cached_response::{
    CacheResponses, Policy, ResponseCache, TrackedRequest, admin, cached, cached_response, tag,
};
use serde_json::Value;
use tests::raw::{self, Request, Response};
use tests::server::Server;

/// The token of the admin scope.
pub(crate) const TOKEN: &str = "correct horse battery staple";

/// A user, by the number in `Authorization`.
pub(crate) struct User(String);

impl FromRequest for User {
    type Error = Error;
    type Future = std::future::Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.headers().get(header::AUTHORIZATION);
        let name = name.and_then(|name| name.to_str().ok());
        std::future::ready(Ok(Self(name.unwrap_or("nobody").to_owned())))
    }
}

/// Number of runs of the handlers of one server.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<AtomicU32>);

impl Runs {
    fn next(&self) -> String {
        format!("run {}", self.0.fetch_add(1, SeqCst) + 1)
    }
}

#[get("/products/{id}")]
#[cached_response(timeout = 1h, tags("product:{id}"))]
async fn product(id: web::Path<String>, runs: web::Data<Runs>) -> impl Responder {
    tag("shop");
    format!("{} of {id}", runs.next())
}

#[get("/search")]
#[cached_response(timeout = 10m)]
async fn search(query: web::Query<Vec<(String, String)>>, runs: web::Data<Runs>) -> impl Responder {
    format!("{} of {} pairs", runs.next(), query.len())
}

#[get("/me")]
#[cached_response(timeout = 60, key(user.0))]
async fn me(user: User, runs: web::Data<Runs>) -> impl Responder {
    format!("{} for a user of {} letters", runs.next(), user.0.len())
}

#[get("/greeting")]
#[cached_response(timeout = 60)]
async fn greeting(request: TrackedRequest, runs: web::Data<Runs>) -> impl Responder {
    let tongue = request.header("accept-language").unwrap_or("none").len();
    let theme = request
        .cookie("theme")
        .map_or(0, |cookie| cookie.value().len());
    format!("{} {tongue} {theme}", runs.next())
}

#[get("/address")]
#[cached_response(timeout = 60, vary("accept"))]
async fn address(request: HttpRequest, runs: web::Data<Runs>) -> String {
    format!("{} {}", runs.next(), request.full_url())
}

async fn plain(runs: web::Data<Runs>) -> String {
    runs.next()
}

async fn item(path: web::Path<(String, u32)>, runs: web::Data<Runs>) -> String {
    format!("{} {} {}", runs.next(), path.0, path.1)
}

/// The cached routes.
pub(crate) fn routes(app: &mut ServiceConfig) {
    let middleware = CacheResponses::new(Policy::new(60));
    app.service((product, search, me, greeting, address))
        .route("/uncached", web::get().to(plain))
        .service(
            web::scope("/shops/{shop}")
                .route("/items/{n}", web::get().to(cached(Policy::new(30), item))),
        )
        .service(
            web::scope("/behind")
                .wrap(middleware)
                .route("/page", web::get().to(plain)),
        );
}

/// A running server.
pub(crate) struct Shop {
    pub(crate) cache: ResponseCache,
    server: Server,
}

impl Shop {
    pub(crate) fn open() -> Self {
        Self::of(ResponseCache::builder().build())
    }

    /// A server whose routes use this cache.
    pub(crate) fn of(cache: ResponseCache) -> Self {
        let (app_cache, runs) = (cache.clone(), web::Data::new(Runs::default()));
        let server = Server::start(2, move |app| {
            let scope = admin::scope("/cache", app_cache.clone(), admin::token(TOKEN));
            app.app_data(app_cache.clone()).app_data(runs.clone());
            app.service(scope).configure(routes);
        });
        Self {
            cache,
            server: server.unwrap(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn fetch(&self, request: &Request) -> Response {
        raw::fetch(self.address(), request).unwrap()
    }

    /// Gets a page as any client does.
    pub(crate) fn get(&self, target: &str) -> String {
        let response = self.fetch(&Request::get(target));
        assert_eq!(response.status(), 200, "{target}: {}", response.text());
        response.text()
    }

    /// Asks the admin scope, with the token.
    pub(crate) fn ask(&self, target: &str) -> (u16, Value) {
        let response = self.fetch(&authorized(Request::get(format!("/cache{target}"))));
        (response.status(), json(&response))
    }

    /// The answer of the admin scope where it is a success.
    pub(crate) fn admin(&self, target: &str) -> Value {
        let (status, answer) = self.ask(target);
        assert_eq!(status, 200, "{target}: {answer}");
        answer
    }

    /// Posts an invalidation.
    pub(crate) fn invalidate(&self, body: &Value) -> (u16, Value) {
        let request = Request::post("/cache/invalidate", body.to_string());
        let request = authorized(request).header("content-type", "application/json");
        let response = self.fetch(&request);
        (response.status(), json(&response))
    }
}

pub(crate) fn authorized(request: Request) -> Request {
    request.header("authorization", format!("Bearer {TOKEN}"))
}

pub(crate) fn json(response: &Response) -> Value {
    let text = response.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
