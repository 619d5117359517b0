//! Methods other than GET, and those that pose as it.

use actix_web::{HttpRequest, get, web};
use cached_response::{Bypass, cached_response};
use tests::raw::{Connection, Request as Sent};

use super::{blind, fetch, serve};
use crate::ask::{is_hit, run, said};

#[cached_response]
async fn sized() -> String {
    format!("{}: twenty octets and more", run())
}

/// HEAD is answered from GET, and fills nothing.
#[test]
fn head_is_answered_from_get_and_never_fills() {
    let (server, cache) = serve(|app| {
        app.service(web::resource("/").to(sized));
    });
    let (get, head) = (Sent::get("/"), Sent::head("/"));
    let first = fetch(&server, &head);
    assert_eq!((first.body.len(), cache.stats().entries), (0, 0));
    let second = fetch(&server, &get);
    assert_eq!(second.text(), "2: twenty octets and more");
    let length = second.header("content-length").unwrap();
    assert_eq!(first.header("content-length").unwrap(), length);
    let third = fetch(&server, &head);
    assert_eq!((third.body.len(), is_hit(&third)), (0, true));
    assert_eq!(third.header("content-length").unwrap(), length);
    for name in ["etag", "content-type", "date"] {
        assert_eq!(third.header(name), second.header(name), "{name}");
    }
    // On a connection that stays open nothing of a body may follow.
    let mut connection = Connection::open(server.address()).unwrap();
    for _ in 0..2 {
        assert!(is_hit(&connection.exchange(&head).unwrap()));
        assert_eq!(connection.exchange(&get).unwrap().text(), second.text());
    }
}

#[cached_response]
async fn by_method(method: actix_web::http::Method) -> String {
    format!("made for {method}")
}

#[test]
fn what_a_handler_makes_for_head_is_never_shown_to_get() {
    let (server, _) = serve(|app| {
        app.service(web::resource("/").to(by_method));
    });
    fetch(&server, &Sent::head("/"));
    assert_eq!(fetch(&server, &Sent::get("/")).text(), "made for GET");
    fetch(&server, &Sent::head("/"));
    let post = fetch(&server, &Sent::post("/", ""));
    assert_eq!(post.text(), "made for POST");
    assert_eq!(said(&post.head).parameter("fwd"), "method");
    assert_eq!(fetch(&server, &Sent::get("/")).text(), "made for GET");
}

#[get("/override")]
#[cached_response(vary(none))]
async fn overridden(request: HttpRequest) -> String {
    let named = request.headers().get("x-http-method-override");
    format!("{} {named:?}", run())
}

#[test]
fn a_method_override_bypasses_where_it_can_be_seen_and_only_there() {
    let (server, cache) = serve(|app| {
        app.service(overridden).service(blind);
    });
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
    ] {
        let response = fetch(&server, &Sent::get("/override").header(name, "DELETE"));
        assert_eq!(said(&response.head).parameter("detail"), "method-override");
        fetch(&server, &Sent::get("/blind").header(name, "DELETE"));
    }
    assert!(
        fetch(&server, &Sent::get("/override"))
            .text()
            .ends_with("None")
    );
    assert_eq!(cache.stats().bypassed(Bypass::MethodOverride), 3);
    assert_eq!(cache.stats().hits, 2);
}
