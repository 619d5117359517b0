//! Nodes that listen on addresses of their own, in front of one cache.

use actix_web::{App, HttpRequest, HttpServer, web};
use cached_response::{CacheResponses, Policy, ResponseCache, cached_response};
use tests::raw::{Request, Response, fetch};
use tests::server::{FREE_PORT, Server};

use crate::ask::run;

#[cached_response(vary(none))]
async fn link(request: HttpRequest) -> String {
    format!("{} {}", run(), request.connection_info().host())
}

async fn behind(request: HttpRequest) -> String {
    format!("{} {}", run(), request.connection_info().host())
}

/// A server that believes to be called `name`.
fn node(cache: &ResponseCache, name: &'static str) -> Server {
    let cache = cache.clone();
    let build = move || {
        let app = move || {
            let middleware = CacheResponses::new(Policy::new(60));
            let inside = web::resource("/inside").wrap(middleware).to(behind);
            let app = App::new().app_data(cache.clone());
            app.route("/link", web::get().to(link)).service(inside)
        };
        let server = HttpServer::new(app).workers(1).server_hostname(name);
        let server = server.bind(FREE_PORT)?;
        let address = server.addrs()[0];
        Ok((server.disable_signals().run(), address))
    };
    Server::run(build).unwrap()
}

fn is_hit(response: &Response) -> bool {
    response.header("age").is_some()
}

#[test]
fn a_request_that_names_its_host_is_the_same_on_each() {
    let cache = ResponseCache::builder().build();
    let nodes = [node(&cache, "one.example"), node(&cache, "other.example")];
    for path in ["/link", "/inside"] {
        let request = Request::get(path).header("host", "shop.example");
        let [live, stored] = [0, 1].map(|n| fetch(nodes[n].address(), &request).unwrap());
        assert!(!is_hit(&live) && is_hit(&stored), "{path}");
        assert!(stored.text().ends_with("shop.example"), "{path}");
    }
}

#[test]
fn a_request_that_names_none_has_that_of_its_node() {
    let cache = ResponseCache::builder().build();
    let nodes = [node(&cache, "one.example"), node(&cache, "other.example")];
    for request in [
        Request::get("/link").without_host().http_1_0(),
        Request::get("/inside").without_host().http_1_0(),
        Request::get("/link").header("host", b"\xff").http_1_0(),
    ] {
        let [one, other] = [0, 1].map(|n| fetch(nodes[n].address(), &request).unwrap());
        assert!(one.text().ends_with("one.example"), "{}", one.text());
        assert!(other.text().ends_with("other.example"), "{}", other.text());
        assert!(is_hit(&fetch(nodes[0].address(), &request).unwrap()));
    }
}
