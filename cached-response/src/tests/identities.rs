//! Two different handlers never have the same identity.

use crate::{CacheResponses, CoveredResponder, Policy, cached, cached_response, testing::isolated};
use actix_web::{
    App, Handler, HttpResponse, Route, get,
    test::{TestRequest, call_service, init_service},
    web::{self, ServiceConfig},
};
use std::{collections::HashSet, env};

struct Cats;
struct Dogs;

impl Cats {
    #[cached_response]
    async fn list() -> &'static str {
        "cats"
    }
}

#[rustfmt::skip]
impl Dogs { #[cached_response] async fn list() -> &'static str { "dogs" } }

trait Kind: 'static {
    const NAME: &'static str;
}

impl Kind for Cats {
    const NAME: &'static str = "cats";
}

impl Kind for Dogs {
    const NAME: &'static str = "dogs";
}

#[cached_response]
async fn generic<K: Kind>() -> &'static str {
    K::NAME
}

#[cached_response]
async fn numbered<const N: usize>() -> String {
    N.to_string()
}

/// A trait of types only, as closures without captures have.
trait Says: Copy + 'static {
    fn says() -> &'static str;
}

#[cached_response]
async fn said<S: Says>() -> &'static str {
    S::says()
}

fn saying<S: Says>(_: S) -> Route {
    web::get().to(said::<S>)
}

macro_rules! handlers {
    ($($name:ident)*) => {$(
        #[cached_response]
        async fn $name() -> &'static str {
            stringify!($name)
        }
    )*};
}

#[rustfmt::skip]
handlers!(on one line);

/// Functions with equal tokens.
macro_rules! alike {
    ($($said:literal)*) => {
        vec![$({
            const SAID: &str = $said;
            #[cached_response(version = "1")]
            async fn list() -> &'static str {
                SAID
            }
            web::get().to(list)
        },)*]
    };
}

/// Wraps any handler at one place in the source.
fn wrapped<H: Handler<(), Output: CoveredResponder>>(handler: H) -> Route {
    web::get().to(cached(Policy::new(60), handler))
}

macro_rules! wrapped_at_once {
    ($($said:literal)*) => {
        vec![$(web::get().to(cached(Policy::new(60), || async { $said })),)*]
    };
}

/// The identity of the handler of the only route of `app`.
async fn identity(app: impl FnOnce(&mut ServiceConfig)) -> Vec<u8> {
    let cache = isolated();
    let app = init_service(App::new().configure(app)).await;
    let response = call_service(&app, TestRequest::get().to_request()).await;
    assert!(response.status().is_success());
    let sites = cache.cache().shared().routes.all();
    let [site] = &*sites else {
        unreachable!("{} sites", sites.len())
    };
    site.identity().to_vec()
}

/// The identity of the handler of a route at `/`.
async fn of(route: Route) -> Vec<u8> {
    identity(|app| {
        app.route("/", route);
    })
    .await
}

#[rustfmt::skip]
#[actix_web::test]
async fn no_two_handlers_have_one_identity() {
    #[derive(Clone, Copy)]
    struct Fox;
    impl Says for Fox { fn says() -> &'static str { "fox" } }
    let fox = saying(Fox);
    let hen = {
        #[derive(Clone, Copy)]
        struct Fox;
        impl Says for Fox { fn says() -> &'static str { "hen" } }
        saying(Fox)
    };
    let mut routes = vec![
        fox, hen,
        web::get().to(Cats::list), web::get().to(Dogs::list),
        web::get().to(generic::<Cats>), web::get().to(generic::<Dogs>),
        web::get().to(numbered::<1>), web::get().to(numbered::<2>),
        web::get().to(on), web::get().to(one), web::get().to(line),
        wrapped(|| async { "a" }), wrapped(|| async { "b" }),
        web::get().to(cached(Policy::new(60), || async { "c" })), web::get().to(cached(Policy::new(60), || async { "d" })),
    ];
    routes.extend(alike!("e" "f"));
    routes.extend(wrapped_at_once!("g" "h"));
    let count = routes.len();
    let mut identities = HashSet::new();
    for route in routes {
        identities.insert(of(route).await);
    }
    assert_eq!(identities.len(), count);
}

#[get("/")]
#[cached_response]
async fn above() -> &'static str {
    "above"
}

#[cached_response]
#[get("/")]
async fn below() -> &'static str {
    "below"
}

/// Returns true where the identity has no type id, which differs between builds.
fn ends_with_the_source(identity: &[u8]) -> bool {
    let hash = identity.last_chunk::<32>();
    hash.is_some_and(|hash| hash.iter().all(u8::is_ascii_hexdigit))
}

#[actix_web::test]
async fn a_named_handler_has_one_identity_in_every_build() {
    #[get("/")]
    #[cached_response]
    async fn inside() -> &'static str {
        "inside"
    }
    for identity in [
        of(web::get().to(Cats::list)).await,
        identity(|app| {
            app.service(above);
        })
        .await,
        identity(|app| {
            app.service(below);
        })
        .await,
        identity(|app| {
            app.service(inside);
        })
        .await,
        of(web::get().to(line)).await,
    ] {
        assert!(
            ends_with_the_source(&identity),
            "{}",
            identity.escape_ascii()
        );
    }
}

#[actix_web::test]
async fn a_handler_has_one_identity_in_all_workers() {
    let route = || wrapped(|| async { "a" });
    assert_eq!(of(route()).await, of(route()).await);
}

#[actix_web::test]
async fn the_identity_of_a_middleware_includes_the_executable() {
    let identity = identity(|app| {
        let inside = web::resource("/").route(web::get().to(HttpResponse::Ok));
        app.service(inside.wrap(CacheResponses::new(Policy::new(60))));
    })
    .await;
    let program = env::current_exe().unwrap();
    let program = program.file_stem().unwrap().to_str().unwrap();
    let identity = identity.escape_ascii().to_string();
    assert!(identity.contains(program), "{identity}");
}
