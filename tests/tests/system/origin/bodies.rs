//! Bodies of requests that need none.

use actix_web::{get, web};
use cached_response::{Bypass, ResponseCache, cached_response};
use serde::Deserialize;
use tests::raw::{Connection, Request as Sent};
use tests::server::Server;

use super::{fetch, serve};
use crate::ask::{is_hit, run, said};

#[derive(Deserialize)]
struct Posted {
    name: String,
}

#[get("/fat")]
#[cached_response]
async fn thin() -> String {
    run().to_string()
}

#[cached_response(key(form.name))]
async fn fat(form: web::Form<Posted>) -> String {
    format!("{} {}", run(), form.name)
}

#[cached_response(body)]
async fn keyed(body: web::Bytes) -> String {
    format!("{} {}", run(), String::from_utf8_lossy(&body))
}

/// A GET with a body that is not keyed is neither looked up nor stored.
#[test]
fn a_get_with_a_body_that_is_not_keyed_is_neither_looked_up_nor_stored() {
    let (server, cache) = serve(|app| {
        app.service(thin);
    });
    let chunked =
        b"GET /fat HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let mut connection = Connection::open(server.address()).unwrap();
    connection.send_octets(chunked).unwrap();
    let first = connection.receive(&Sent::get("/fat")).unwrap();
    let second = fetch(&server, &Sent::get("/fat").body("abc"));
    assert_eq!(said(&second.head).parameter("detail"), "body");
    assert_eq!((first.text().as_str(), second.text().as_str()), ("1", "2"));
    assert_eq!(cache.stats().entries, 0);

    assert_eq!(fetch(&server, &Sent::get("/fat")).text(), "3");
    assert_eq!(fetch(&server, &Sent::get("/fat").body("abc")).text(), "4");
    assert_eq!(
        fetch(&server, &Sent::head("/fat").body("abc")).status(),
        404
    );
    assert!(is_hit(&fetch(&server, &Sent::get("/fat").body(""))));
    assert_eq!(cache.stats().bypassed(Bypass::Body), 3);
}

/// A GET with a body that is not keyed is neither looked up nor stored.
#[test]
fn a_keyed_body_separates_gets() {
    let (server, _) = serve(|app| {
        app.route("/keyed", web::get().to(keyed));
        app.route("/fat", web::get().to(fat));
    });
    let form = |name: &str| {
        let form = Sent::get("/fat").header("Content-Type", "application/x-www-form-urlencoded");
        form.body(format!("name={name}"))
    };
    assert_eq!(
        fetch(&server, &Sent::get("/keyed").body("evil")).text(),
        "1 evil"
    );
    assert_eq!(fetch(&server, &Sent::get("/keyed")).text(), "2 ");
    assert_eq!(
        fetch(&server, &Sent::get("/keyed").body("evil")).text(),
        "1 evil"
    );
    assert_eq!(fetch(&server, &form("a")).text(), "3 a");
    assert_eq!(fetch(&server, &form("b")).text(), "4 b");
    assert_eq!(fetch(&server, &form("a")).text(), "3 a");
    assert_eq!(fetch(&server, &Sent::get("/fat")).status(), 415);
}

/// Returns the answer to one GET over HTTP/2, with or without a body.
async fn over_http2(server: &Server, body: Option<&'static [u8]>) -> (String, String) {
    let stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    actix_web::rt::spawn(async move { drop(connection.await) });
    let target = format!("http://{}/fat", server.address());
    let request = http02::Request::get(target).body(()).unwrap();
    let (response, mut sending) = client.send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        sending
            .send_data(web::Bytes::from_static(body), true)
            .unwrap();
    }
    let response = response.await.unwrap();
    let said = response.headers()["cache-status"]
        .to_str()
        .unwrap()
        .to_owned();
    let mut stream = response.into_body();
    let mut text = Vec::new();
    while let Some(chunk) = stream.data().await {
        text.extend(chunk.unwrap());
    }
    (String::from_utf8(text).unwrap(), said)
}

/// A GET with a body that is not keyed is neither looked up nor stored.
#[actix_web::test]
async fn a_body_is_seen_over_http2_where_no_length_is_declared() {
    let cache = ResponseCache::builder().build();
    let own = cache.clone();
    let server = Server::run(move || {
        let app = move || actix_web::App::new().app_data(own.clone()).service(thin);
        let server = actix_web::HttpServer::new(app).workers(1);
        let server = server.bind_auto_h2c(tests::server::FREE_PORT)?;
        let address = server.addrs()[0];
        Ok((server.disable_signals().run(), address))
    });
    let server = server.unwrap();
    let (_, said) = over_http2(&server, Some(b"abc")).await;
    assert!(said.contains("detail=body"), "{said}");
    assert_eq!(cache.stats().entries, 0);
    let (first, said) = over_http2(&server, None).await;
    assert!(said.contains("stored"), "{said}");
    let (again, said) = over_http2(&server, None).await;
    assert!(said.contains("hit"), "{said}");
    assert_eq!(again, first);
    let (_, said) = over_http2(&server, Some(b"abc")).await;
    assert!(said.contains("detail=body"), "{said}");
}
