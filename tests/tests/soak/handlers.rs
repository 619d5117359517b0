//! The routes: each response names its request and the versions that were read.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_LANGUAGE, ETAG, VARY};
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, get, route};
use cached_response::{
    CacheResponses, Policy, TrackedRequest, cached, cached_response, context::stale_response, tag,
};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;

use crate::page::{Facts, GROUPS, Kind, Page, Tag};
use crate::world::World;

mod failing;

pub(crate) use self::failing::MOODY;

pub(crate) fn routes(world: &Arc<World>, app: &mut ServiceConfig) {
    let behind = web::scope("/scope")
        .wrap(CacheResponses::new(Policy::new(60)))
        .service(scope);
    let frail = cached(failing::frail(), failing::fail_often);
    app.app_data(Data::from(world.clone()))
        .app_data(world.cache.clone())
        .service(object)
        .service(group)
        .service(said)
        .service(chosen)
        .service(mine)
        .service(streamed)
        .service(brief)
        .service(renewed)
        .service(failing::moody)
        .route("/frail/{n}", web::get().to(frail))
        .route("/late/{n}", web::get().to(cached(stale(), late)))
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

fn with_facts(facts: &Facts) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header(("x-facts", facts.to_line()));
    response
}

fn whole(world: &World, facts: &Facts) -> HttpResponse {
    with_facts(facts).body(world.body(facts))
}

#[route("/object/{n}", method = "GET", method = "HEAD", method = "POST")]
#[cached_response(timeout = 60, tags("object:{n}"))]
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
#[cached_response(timeout = 60, tags("group:{n}"))]
async fn group(world: Data<World>, n: Path<usize>, view: Query<View>) -> HttpResponse {
    world.run();
    let facts = world.look(page(Kind::Group, &n, &view), None).await;
    for (named, _) in &facts.versions {
        tag(Tag::Object(*named).text());
        world.pace.hand_off().await;
    }
    whole(&world, &facts)
}

#[get("/brief/{n}")]
#[cached_response(timeout = 30ms)]
async fn brief(world: Data<World>, n: Path<usize>, view: Query<View>) -> HttpResponse {
    world.run();
    let facts = world.look(page(Kind::Brief, &n, &view), None).await;
    whole(&world, &facts)
}

/// Names its tag where it makes a response, and not where it finds one unchanged.
#[get("/renewed/{n}")]
#[cached_response(timeout = 30ms)]
async fn renewed(world: Data<World>, n: Path<usize>, view: Query<View>) -> HttpResponse {
    world.run();
    let page = page(Kind::Renewed, &n, &view);
    let facts = world.look(page, None).await;
    let version = facts.versions[0].1;
    let validator = format!("\"{}-{}-{version}\"", page.number, page.full);
    if let Some(previous) = stale_response() {
        world.pace.hand_off().await;
        if previous.etag().is_some_and(|it| *it == *validator) {
            return previous.not_modified();
        }
    }
    tag(Tag::Object(*n).text());
    with_facts(&facts)
        .insert_header((ETAG, validator))
        .body(world.body(&facts))
}

/// It is fresh for a moment, and refreshed before its end and after it.
fn stale() -> Policy {
    Policy::new(Duration::from_millis(30))
        .stale_while_revalidate(10)
        .refresh_ahead(0.5)
        .tags(["object:{n}"])
}

async fn late(world: Data<World>, n: Path<usize>, view: Query<View>) -> HttpResponse {
    world.run();
    let facts = world.look(page(Kind::Late, &n, &view), None).await;
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
#[cached_response(timeout = 60, tags(Tag::Object(**n).text()))]
async fn chosen(
    world: Data<World>,
    n: Path<usize>,
    view: Query<View>,
    request: TrackedRequest,
) -> HttpResponse {
    world.run();
    let mut facts = world.look(page(Kind::Chosen, &n, &view), None).await;
    facts.language = request.header("accept-language").map(ToOwned::to_owned);
    whole(&world, &facts)
}

/// User of a request, by a header.
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
    tag(Tag::Object(*n).text());
    let facts = world.look(page(Kind::Mine, &n, &view), user.0).await;
    whole(&world, &facts)
}

#[get("/stream/{n}")]
#[cached_response(timeout = 60)]
async fn streamed(world: Data<World>, n: Path<usize>, view: Query<View>) -> HttpResponse {
    world.run();
    let facts = world.look(page(Kind::Stream, &n, &view), None).await;
    tag(Tag::Object(*n).text());
    let (body, whose) = (world.body(&facts), Tag::Group(*n % GROUPS));
    // The group is named while the body is sent.
    let pieces = pieces(world, body).inspect(move |_| tag(whose.text()));
    with_facts(&facts).streaming(pieces)
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
    tag(Tag::Object(*n).text());
    facts.language = header(&request, "accept-language");
    with_facts(&facts)
        .insert_header((VARY, ACCEPT_LANGUAGE.as_str()))
        .body(world.body(&facts))
}
