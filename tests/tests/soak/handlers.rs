//! The routes: each tells what it was asked and which versions it has read.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_LANGUAGE, SET_COOKIE, VARY};
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use actix_web::{
    Error, FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, error, get, route,
};
use cached_response::{
    CacheResponses, Policy, Request, cached_response, disable_cache, set_cache_timeout,
};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use tests::alone::ORDERED;

use crate::page::{Facts, Kind, Page};
use crate::world::World;

/// The body of a failure that a handler has meant.
pub(crate) const MOODY: &str = "moody";

pub(crate) fn routes(world: &Arc<World>, app: &mut ServiceConfig) {
    let behind = web::scope("/scope")
        .wrap(CacheResponses::new(Policy::new(60)))
        .service(scope);
    app.app_data(Data::from(world.clone()))
        .app_data(world.cache.clone())
        .service(object)
        .service(group)
        .service(said)
        .service(chosen)
        .service(mine)
        .service(streamed)
        .service(brief)
        .service(moody)
        .service(behind);
}

#[derive(Deserialize)]
struct View {
    view: Option<String>,
}

fn page(kind: Kind, number: &Path<usize>, view: &Query<View>) -> Page {
    Page {
        kind,
        number: **number,
        full: view.view.is_some(),
    }
}

fn told(facts: &Facts) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header(("x-facts", facts.to_line()));
    response
}

fn whole(world: &World, facts: &Facts) -> HttpResponse {
    told(facts).body(world.body(facts))
}

#[route("/object/{n}", method = "GET", method = "HEAD", method = "POST")]
#[cached_response(timeout = 60)]
async fn object(
    world: Data<World>,
    n: Path<usize>,
    view: Query<View>,
    method: Method,
) -> HttpResponse {
    world.run();
    if method == Method::POST {
        let version = world.bump(*n);
        world.pace.hand_off().await;
        return HttpResponse::Ok().body(version.to_string());
    }
    let facts = world.look(page(Kind::Object, &n, &view), None).await;
    whole(&world, &facts)
}

#[get("/group/{n}")]
#[cached_response(timeout = 60)]
async fn group(world: Data<World>, n: Path<usize>, view: Query<View>) -> HttpResponse {
    world.run();
    let facts = world.look(page(Kind::Group, &n, &view), None).await;
    whole(&world, &facts)
}

#[get("/brief/{n}")]
#[cached_response(timeout = 30ms)]
async fn brief(world: Data<World>, n: Path<usize>, view: Query<View>) -> HttpResponse {
    world.run();
    let facts = world.look(page(Kind::Brief, &n, &view), None).await;
    whole(&world, &facts)
}

fn header(request: &HttpRequest, name: &str) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(value.to_str().ok()?.to_owned())
}

#[get("/said/{n}")]
#[cached_response(timeout = 60, vary("accept-language"))]
async fn said(
    world: Data<World>,
    n: Path<usize>,
    view: Query<View>,
    request: HttpRequest,
) -> HttpResponse {
    world.run();
    let mut facts = world.look(page(Kind::Said, &n, &view), None).await;
    facts.language = header(&request, "accept-language");
    whole(&world, &facts)
}

#[get("/chosen/{n}")]
#[cached_response(timeout = 60)]
async fn chosen(
    world: Data<World>,
    n: Path<usize>,
    view: Query<View>,
    request: Request,
) -> HttpResponse {
    world.run();
    let mut facts = world.look(page(Kind::Chosen, &n, &view), None).await;
    facts.language = request.header("accept-language").map(ToOwned::to_owned);
    whole(&world, &facts)
}

/// Whoever asks, by the word of a header.
struct User(Option<String>);

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(header(request, "x-user"))))
    }
}

#[get("/mine/{n}")]
#[cached_response(timeout = 60, key(user.0))]
async fn mine(world: Data<World>, n: Path<usize>, view: Query<View>, user: User) -> HttpResponse {
    world.run();
    let facts = world.look(page(Kind::Mine, &n, &view), user.0).await;
    whole(&world, &facts)
}

#[get("/stream/{n}")]
#[cached_response(timeout = 60)]
async fn streamed(world: Data<World>, n: Path<usize>, view: Query<View>) -> HttpResponse {
    world.run();
    let facts = world.look(page(Kind::Stream, &n, &view), None).await;
    let body = world.body(&facts);
    told(&facts).streaming(pieces(world, body))
}

/// Hands off before each piece and before the end.
fn pieces(world: Data<World>, body: String) -> impl Stream<Item = Result<Bytes, Error>> {
    let body = Bytes::from(body);
    let third = body.len() / 3;
    let pieces = [0..third, third..2 * third, 2 * third..body.len(), 0..0];
    let pieces = stream::iter(pieces).then(move |piece| {
        let (world, piece) = (world.clone(), body.slice(piece));
        async move {
            world.pace.hand_off().await;
            piece
        }
    });
    // An empty piece would be the end on the wire.
    let pieces = pieces.filter(|piece| ready(!piece.is_empty()));
    pieces.map(Ok)
}

#[get("/{n}")]
async fn scope(
    world: Data<World>,
    n: Path<usize>,
    view: Query<View>,
    request: HttpRequest,
) -> HttpResponse {
    world.run();
    let user = header(&request, "x-user");
    let mut facts = world.look(page(Kind::Scope, &n, &view), user).await;
    facts.language = header(&request, "accept-language");
    told(&facts)
        .insert_header((VARY, ACCEPT_LANGUAGE.as_str()))
        .body(world.body(&facts))
}

/// What it does depends on the number of its run.
#[get("/moody/{n}")]
#[cached_response(timeout = 60)]
async fn moody(
    world: Data<World>,
    n: Path<usize>,
    view: Query<View>,
) -> Result<HttpResponse, Error> {
    let mood = world.run() % 19;
    let facts = world.look(page(Kind::Moody, &n, &view), None).await;
    let body = world.body(&facts);
    let mut response = told(&facts);
    match mood {
        0 => return Err(error::ErrorInternalServerError(MOODY)),
        1 => return Ok(HttpResponse::ServiceUnavailable().body(MOODY)),
        2 => std::panic::panic_any(ORDERED),
        3 => disable_cache(),
        4 => set_cache_timeout(std::time::Duration::from_millis(20)),
        5 => _ = response.insert_header((SET_COOKIE, "a=b")),
        6..9 => return Ok(response.streaming(breaking(world, body, mood))),
        _ => {}
    }
    Ok(response.body(body))
}

/// Breaks off in the middle, by an error or by a panic.
fn breaking(
    world: Data<World>,
    body: String,
    mood: u64,
) -> impl Stream<Item = Result<Bytes, Error>> {
    pieces(world, body).enumerate().map(move |(n, piece)| {
        assert!(n != 2 || mood != 7, "{ORDERED}");
        if n == 2 && mood == 8 {
            return Err(error::ErrorBadGateway("the source is gone"));
        }
        piece
    })
}
