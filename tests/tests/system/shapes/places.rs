//! Places of handlers: `impl` blocks, generics, the output of a macro.

use super::{answered_from_the_store, stored};
use actix_web::{Responder, get, web};
use cached_response::{CoveredResponder, ResponseCache, cached_response};
use std::{fmt::Display, marker::PhantomData, sync::LazyLock, time::Duration};

#[cached_response]
async fn generic<T>(path: web::Path<u32>) -> impl Responder
where
    T: Default + Display + 'static,
{
    format!("{path} {:?}", T::default().to_string())
}

#[cached_response]
async fn const_generic<const N: usize>(state: web::Data<[u8; N]>) -> impl Responder {
    format!("{N} {}", state.len())
}

trait Provider: 'static {
    type Out: CoveredResponder;
    fn out() -> Self::Out;
}

struct Text;

impl Provider for Text {
    type Out = &'static str;
    fn out() -> Self::Out {
        "provided"
    }
}

#[cached_response]
async fn associated_output<P: Provider>() -> P::Out {
    P::out()
}

#[actix_web::test]
async fn a_generic_handler_is_one_handler_for_each_instance() {
    let routes = |app: &mut web::ServiceConfig| {
        app.route("/u8/{n}", web::get().to(generic::<u8>))
            .route("/string/{n}", web::get().to(generic::<String>));
    };
    assert_eq!(answered_from_the_store(routes, "/u8/1").await, "1 \"0\"");
    assert_eq!(answered_from_the_store(routes, "/string/1").await, "1 \"\"");
    let sized = |app: &mut web::ServiceConfig| {
        app.app_data(web::Data::new([0_u8; 3]))
            .route("/", web::get().to(const_generic::<3>));
    };
    assert_eq!(answered_from_the_store(sized, "/").await, "3 3");
    let provided = |app: &mut web::ServiceConfig| {
        app.route("/", web::get().to(associated_output::<Text>));
    };
    assert_eq!(answered_from_the_store(provided, "/").await, "provided");
}

struct Site<T>(PhantomData<T>);

impl<T: Default + Display + 'static> Site<T> {
    const WORD: &'static str = "site";
    const TTL: Duration = Duration::from_secs(60);
    const LIMIT: usize = 1_000;

    #[cached_response(timeout = Self::TTL, max_body_bytes = Self::LIMIT, key(Self::WORD), store_if = Self::may_be_stored)]
    pub async fn associated(state: web::Data<T>) -> impl Responder {
        let state: &T = &state;
        format!("{} {state} {}", Self::WORD, T::default())
    }

    #[cached_response(Self::TTL, unless = Self::never())]
    async fn bare_timeout() -> impl Responder {
        Self::WORD
    }

    fn never() -> bool {
        false
    }

    fn may_be_stored(_: &cached_response::ResponseView<'_>) -> bool {
        true
    }
}

struct Left;
struct Right;

impl Left {
    #[cached_response]
    async fn list() -> impl Responder {
        "left"
    }
}

impl Right {
    #[cached_response]
    async fn list() -> impl Responder {
        "right"
    }
}

#[actix_web::test]
async fn options_may_name_self_and_its_constants() {
    let configure = |app: &mut web::ServiceConfig| {
        app.app_data(web::Data::new(7_u64))
            .route("/associated", web::get().to(Site::<u64>::associated))
            .route("/bare", web::get().to(Site::<u64>::bare_timeout));
    };
    assert_eq!(
        answered_from_the_store(configure, "/associated").await,
        "site 7 0"
    );
    assert_eq!(answered_from_the_store(configure, "/bare").await, "site");
}

#[actix_web::test]
async fn two_handlers_with_one_name_are_separate() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.route("/list", web::get().to(Left::list));
            },
            "/list"
        )
        .await,
        "left"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.route("/list", web::get().to(Right::list));
            },
            "/list"
        )
        .await,
        "right"
    );
}

macro_rules! handlers {
    ($($name:ident $timeout:literal $text:expr;)*) => {
        $(
            #[cached_response(timeout = $timeout, key(**n))]
            async fn $name(n: web::Path<u8>) -> impl Responder {
                format!("{} {n}", $text)
            }
        )*
    };
}

handlers! {
    made_by_a_macro 5m "1";
    made_by_a_macro_too "1h 30m" "2";
}

macro_rules! keyed_by {
    ($name:ident, $argument:ident, $key:expr) => {
        #[cached_response(key($key))]
        async fn $name($argument: web::Path<u32>) -> impl Responder {
            $argument.to_string()
        }
    };
}

keyed_by!(keyed_by_a_macro, n, **n % 10);

#[actix_web::test]
async fn a_macro_may_generate_cached_handlers() {
    let configure = |app: &mut web::ServiceConfig| {
        app.route("/one/{n}", web::get().to(made_by_a_macro))
            .route("/two/{n}", web::get().to(made_by_a_macro_too))
            .route("/keyed/{n}", web::get().to(keyed_by_a_macro));
    };
    assert_eq!(answered_from_the_store(configure, "/one/1").await, "1 1");
    assert_eq!(answered_from_the_store(configure, "/two/1").await, "2 1");
    assert_eq!(answered_from_the_store(configure, "/keyed/1").await, "1");
}

mod renamed {
    pub(super) mod path {
        pub(crate) use cached_response as crate_name;
    }
}

#[get("/renamed/{n}")]
#[cached_response(crate = renamed::path::crate_name, key(**n), timeout = 5m)]
async fn renamed_crate(n: web::Path<u32>) -> impl Responder {
    n.to_string()
}

#[renamed::path::crate_name::cached_response(crate = renamed::path::crate_name)]
#[get("/renamed")]
async fn renamed_crate_above() -> impl Responder {
    "renamed"
}

#[actix_web::test]
async fn the_option_crate_renames_the_crate() {
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(renamed_crate);
            },
            "/renamed/1"
        )
        .await,
        "1"
    );
    assert_eq!(
        answered_from_the_store(
            |app| {
                app.service(renamed_crate_above);
            },
            "/renamed"
        )
        .await,
        "renamed"
    );
}

static SHARED: LazyLock<ResponseCache> = LazyLock::new(|| ResponseCache::builder().build());

#[get("/other/{n}")]
#[cached_response(cache = SHARED)]
async fn in_another_cache(n: web::Path<u32>) -> impl Responder {
    n.to_string()
}

#[actix_web::test]
async fn the_option_cache_selects_the_cache() {
    let seen = stored(
        |app| {
            app.service(in_another_cache);
        },
        &["/other/1", "/other/2", "/other/1"],
    )
    .await;
    assert_eq!(seen, [false, false, true]);
}
