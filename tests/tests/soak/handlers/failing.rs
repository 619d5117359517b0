//! Handlers that fail: what they do depends on the number of their run.

use std::future::pending;
use std::time::Duration;

use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{Error, HttpResponse, error, get};
use cached_response::{Policy, cached_response, disable_cache, set_cache_timeout};
use futures_util::{Stream, StreamExt as _};
use tests::alone::ORDERED;

use super::{View, page, pieces, with_facts};
use crate::page::Kind;
use crate::world::World;

/// The body of a failure that a handler has meant.
pub(crate) const MOODY: &str = "moody";

#[get("/moody/{n}")]
#[cached_response(timeout = 60)]
pub(super) async fn moody(
    world: Data<World>,
    n: Path<usize>,
    view: Query<View>,
) -> Result<HttpResponse, Error> {
    let mood = world.run() % 19;
    let facts = world.look(page(Kind::Moody, &n, &view), None).await;
    let body = world.body(&facts);
    let mut response = with_facts(&facts);
    match mood {
        0 => return Err(error::ErrorInternalServerError(MOODY)),
        1 => return Ok(HttpResponse::ServiceUnavailable().body(MOODY)),
        2 => std::panic::panic_any(ORDERED),
        3 => disable_cache(),
        4 => set_cache_timeout(Duration::from_millis(20)),
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

/// Whatever it does, what it has stored stands in for ten seconds.
pub(super) fn frail() -> Policy {
    Policy::new(Duration::from_millis(30))
        .stale_if_error(10)
        .run_timeout(Duration::from_millis(100))
        .soft_timeout(Duration::from_millis(5))
        .failure_cooldown(Duration::from_millis(50))
}

pub(super) async fn fail_often(
    world: Data<World>,
    n: Path<usize>,
    view: Query<View>,
) -> Result<HttpResponse, Error> {
    let mood = world.run() % 7;
    let facts = world.look(page(Kind::Frail, &n, &view), None).await;
    match mood {
        0 => Err(error::ErrorInternalServerError(MOODY)),
        1 => Ok(HttpResponse::ServiceUnavailable().body(MOODY)),
        2 => std::panic::panic_any(ORDERED),
        3 => pending().await,
        _ => Ok(with_facts(&facts).body(world.body(&facts))),
    }
}
