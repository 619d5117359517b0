//! Arguments whose type is known only at run time: type parameters and aliases.

use std::marker::PhantomData;

use actix_web::test::{TestRequest, init_service};
use actix_web::{App, FromRequest, HttpRequest, web};
use cached_response::testing::isolated;
use cached_response::{KeyCovered, cached_response};

use crate::ask::{ask, get as ask_for, get_with, post, run};

/// Handlers that are generic over their extractor.
struct Over<R>(PhantomData<R>);

impl<R: FromRequest + AsRef<str> + 'static> Over<R> {
    #[cached_response(methods(POST), unkeyed(text))]
    async fn echo(text: R) -> String {
        format!("{} {}", run(), text.as_ref())
    }
}

#[actix_web::test]
async fn a_body_as_a_type_parameter_is_not_shared() {
    let _cache = isolated();
    let app = App::new().route("/", web::post().to(Over::<String>::echo));
    let app = init_service(app).await;
    let text = |body: &'static str| ("text/plain", body.as_bytes());
    let alice = post(&app, "/", text("alice")).await;
    let bob = post(&app, "/", text("bob")).await;
    assert_ne!(alice.body, bob.body);
    assert_eq!(bob.detail().unwrap(), "undeclared");
}

/// A trait of the application for values of a request.
trait Named {
    fn name(&self) -> String;
}

impl Named for HttpRequest {
    fn name(&self) -> String {
        let name = self.headers().get("x-user");
        name.map_or_else(String::new, |name| name.to_str().unwrap().to_owned())
    }
}

#[cached_response(key(asked.name().len()))]
async fn keyed<R: FromRequest + Named + 'static>(asked: R) -> String {
    format!("{} {}", run(), asked.name())
}

#[cached_response(vary("x-user"), key(asked.name().len()))]
async fn varied<R: FromRequest + Named + 'static>(asked: R) -> String {
    format!("{} {}", run(), asked.name())
}

#[actix_web::test]
async fn a_request_as_a_type_parameter_is_not_shared() {
    let _cache = isolated();
    let app = App::new()
        .route("/keyed", web::get().to(keyed::<HttpRequest>))
        .route("/varied", web::get().to(varied::<HttpRequest>));
    let app = init_service(app).await;
    for path in ["/keyed", "/varied"] {
        let ann = get_with(&app, path, ("x-user", "ann")).await;
        let bob = get_with(&app, path, ("x-user", "bob")).await;
        assert_ne!(ann.body, bob.body, "{path}");
        let again = get_with(&app, path, ("x-user", "bob")).await;
        assert_eq!(again.is_hit(), path == "/varied", "{path}");
    }
}

type Same<R> = R;

#[cached_response(methods(POST), unkeyed(text))]
async fn under_an_alias<R: FromRequest + AsRef<str> + 'static>(text: Same<R>) -> String {
    format!("{} {}", run(), text.as_ref())
}

/// Another order than the default.
mod swapped {
    pub(super) type Result<E, T> = std::result::Result<T, E>;
}

#[cached_response(unkeyed(asked))]
async fn in_a_result(asked: swapped::Result<actix_web::Error, HttpRequest>) -> String {
    format!("{} {}", run(), asked.unwrap().name())
}

#[actix_web::test]
async fn an_alias_hides_neither_a_body_nor_a_request() {
    let _cache = isolated();
    let app = App::new()
        .route("/text", web::post().to(under_an_alias::<String>))
        .route("/result", web::get().to(in_a_result));
    let app = init_service(app).await;
    let text = |body: &'static str| ("text/plain", body.as_bytes());
    let alice = post(&app, "/text", text("alice")).await;
    let bob = post(&app, "/text", text("bob")).await;
    assert_ne!(alice.body, bob.body);
    let ann = get_with(&app, "/result", ("x-user", "ann")).await;
    let bob = get_with(&app, "/result", ("x-user", "bob")).await;
    assert_ne!(ann.body, bob.body);
    assert_eq!(bob.detail().unwrap(), "undeclared");
}

#[cached_response(timeout = 60)]
async fn bound<R: FromRequest + KeyCovered + ToString + 'static>(number: R) -> String {
    format!("{} {}", run(), number.to_string())
}

#[cached_response(unkeyed(number))]
async fn bound_and_unkeyed<R>(number: Option<R>) -> String
where
    R: FromRequest + KeyCovered + ToString + 'static,
{
    let number = number.map(|number| number.to_string());
    format!("{} {number:?}", run())
}

#[actix_web::test]
async fn a_type_parameter_that_is_covered_is_looked_up() {
    let _cache = isolated();
    let app = App::new()
        .route("/{n}", web::get().to(bound::<web::Path<u32>>))
        .route(
            "/also/{n}",
            web::get().to(bound_and_unkeyed::<web::Path<u32>>),
        );
    let app = init_service(app).await;
    for path in ["/7", "/also/7"] {
        let first = ask_for(&app, path).await;
        let other = ask(&app, TestRequest::with_uri(&path.replace('7', "8"))).await;
        assert_ne!(first.body, other.body, "{path}");
        let again = ask_for(&app, path).await;
        assert!(again.is_hit() && again.body == first.body, "{path}");
    }
}
