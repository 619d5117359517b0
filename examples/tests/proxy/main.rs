//! The proxy between a client and an origin that are both plain sockets of the test: the test controls
//! each byte and its time.

mod cached;
mod ends;

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ends::{Origin, Proxy};
use tests::raw::{Head, Request};

fn lines<'a>(head: &'a Head, name: &'a str) -> Vec<&'a [u8]> {
    head.all(name).collect()
}

const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[test]
fn every_method_arrives_with_its_target_as_it_was_sent() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "M-SEARCH", "PURGE",
    ];
    for method in methods {
        let target = "/a%2Fb//../%63;d?e=%41&&e=+&{|}=%zz";
        let (received, response) = origin.exchange(&proxy, &Request::new(method, target), EMPTY);
        assert_eq!(
            received.request_line(),
            format!("{method} {target} HTTP/1.1")
        );
        assert_eq!(received.all("transfer-encoding"), [b""; 0], "{method}");
        assert_eq!(response.status(), 200);
    }
    let (received, _) = origin.exchange(&proxy, &Request::new("OPTIONS", "*"), EMPTY);
    assert_eq!(received.request_line(), "OPTIONS * HTTP/1.1");
}

#[test]
fn fields_keep_their_octets_and_the_order_of_their_lines() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let request = Request::get("/")
        .header("X-A", "2")
        .header("x-a", [0xe4, b'"']);
    let request = request.header("X-A", "1").header("Cookie", "a=b; c");
    let response = b"HTTP/1.1 302 Elsewhere\r\nlocation: /else\r\ncontent-encoding: gzip\r\n\
        Set-Cookie: b=1\r\nset-cookie: a=\xfc\r\ncontent-length: 3\r\nconnection: close\r\n\r\n\x1f\x8b\x00";
    let (received, answer) = origin.exchange(&proxy, &request, response);
    assert_eq!(received.all("x-a"), [&b"2"[..], b"\xe4\"", b"1"]);
    assert_eq!(received.all("cookie"), [b"a=b; c"]);
    assert_eq!(received.all("host"), [b"127.0.0.1"]);
    assert_eq!(answer.status(), 302);
    assert_eq!(lines(&answer.head, "set-cookie"), [&b"b=1"[..], b"a=\xfc"]);
    assert_eq!(lines(&answer.head, "content-encoding"), [b"gzip"]);
    assert_eq!(answer.body, b"\x1f\x8b\x00");
}

#[test]
fn hop_by_hop_fields_are_not_forwarded() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let hop_by_hop = [
        ("Connection", "X-Hop,, te"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic a"),
        ("Proxy-Authenticate", "Basic"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Trailer", "X-B"),
        ("Upgrade", "h2c"),
        ("X-Hop", "1"),
    ];
    let mut request = Request::get("/").header("Via", "1.0 first");
    let mut response = b"HTTP/1.1 200 OK\r\nvia: 1.0 last\r\ncontent-length: 0\r\n".to_vec();
    for (name, value) in hop_by_hop {
        request = request.header(name, value);
        response.extend(format!("{name}: {value}\r\n").bytes());
    }
    response.extend(b"\r\n");
    let (received, answer) = origin.exchange(&proxy, &request, &response);
    for (name, _) in hop_by_hop {
        assert_eq!(received.all(name), [b""; 0], "{name}");
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(
        received.all("via"),
        [&b"1.0 first"[..], b"1.1 cached-response"]
    );
    assert_eq!(
        answer.header("via").unwrap(),
        "1.0 last, 1.1 cached-response"
    );
}

#[test]
fn a_request_body_is_streamed_to_the_origin() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let chunked = Request::new("GET", "/").header("Transfer-Encoding", "chunked");
    let mut client = proxy.send(&chunked);
    client.send_octets(b"1\r\na\r\n").unwrap();
    let mut received = origin.received();
    received.expect_octets(b"1\r\na\r\n");
    client.send_octets(b"2\r\nbc\r\n0\r\n\r\n").unwrap();
    received.expect_octets(b"2\r\nbc\r\n0\r\n\r\n");
    received.send(EMPTY);
    assert_eq!(client.receive(&chunked).unwrap().status(), 200);

    let sized = Request::new("PUT", "/").header("Content-Length", "3");
    let mut client = proxy.send(&sized);
    client.send_octets(b"a").unwrap();
    let mut received = origin.received();
    assert_eq!(received.all("content-length"), [b"3"]);
    received.expect_octets(b"a");
    client.send_octets(b"bc").unwrap();
    received.expect_octets(b"bc");
    received.send(EMPTY);
    assert_eq!(client.receive(&sized).unwrap().status(), 200);
}

#[test]
fn a_response_body_is_streamed_to_the_client() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let request = Request::get("/");
    let mut client = proxy.send(&request);
    let mut received = origin.received();
    received.send(
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
    );
    assert_eq!(client.receive_head().unwrap().status, 200);
    assert_eq!(client.receive_chunk().unwrap(), b"a");
    received.send(b"2\r\nbc\r\n0\r\n\r\n");
    assert_eq!(client.receive_chunk().unwrap(), b"bc");
    assert_eq!(client.receive_chunk().unwrap(), b"");

    let mut client = proxy.send(&Request::get("/"));
    let mut received = origin.received();
    received.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na");
    let head = client.receive_head().unwrap();
    assert_eq!(head.header("content-length").unwrap(), "3");
    assert_eq!(client.receive_octets(1).unwrap(), b"a");
    received.send(b"bc");
    assert_eq!(client.receive_octets(2).unwrap(), b"bc");
}

#[test]
fn a_response_that_breaks_off_is_incomplete_for_the_client() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let heads = [
        "content-length: 9",
        "transfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 2",
    ];
    for head in heads {
        let request = Request::get("/");
        let mut client = proxy.send(&request);
        let mut received = origin.received();
        received.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n2\r\nb").as_bytes());
        let answer = client.receive_head().unwrap();
        received.close();
        assert!(client.receive_body(&request, &answer).is_err(), "{head}");
    }
}

#[test]
fn a_request_that_breaks_off_is_incomplete_for_the_origin() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let mut client = proxy.send(&Request::new("POST", "/").header("Transfer-Encoding", "chunked"));
    client.send_octets(b"1\r\na\r\n").unwrap();
    let mut received = origin.received();
    received.expect_octets(b"1\r\na\r\n");
    drop(client);
    assert_eq!(received.rest().unwrap(), b"");
}

#[test]
fn a_connection_to_the_origin_is_used_until_the_origin_closes_it() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let request = Request::get("/");
    let mut client = proxy.send(&request);
    let mut received = origin.received();
    for _ in 0..3 {
        received.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(client.receive(&request).unwrap().status(), 200);
        client.send(&request).unwrap();
        received.wait();
    }
    received.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    client.receive(&request).unwrap();
    received.close();
    client.send(&request).unwrap();
    origin.received().send(EMPTY);
    assert_eq!(client.receive(&request).unwrap().status(), 200);
}

#[test]
fn a_body_that_ends_with_its_connection_is_whole() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let (_, response) = origin.exchange(&proxy, &Request::get("/"), b"HTTP/1.1 200 OK\r\n\r\nabc");
    assert_eq!(response.text(), "abc");
}

#[test]
fn a_response_without_a_body_keeps_its_head() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let cases = [
        (Request::head("/"), "200 OK", Some("5")),
        (Request::get("/"), "304 Not Modified", Some("5")),
        (Request::get("/"), "204 No Content", None),
        (Request::get("/"), "205 Reset Content", Some("0")),
    ];
    for (request, status, length) in cases {
        let length_line = length.map_or(String::new(), |it| format!("content-length: {it}\r\n"));
        let response =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\n{length_line}etag: \"a\"\r\n\r\n");
        let (_, answer) = origin.exchange(&proxy, &request, &response);
        assert_eq!(
            answer.header("content-length").as_deref(),
            length,
            "{status}"
        );
        assert_eq!(answer.header("transfer-encoding"), None, "{status}");
        assert_eq!(answer.header("etag").unwrap(), "\"a\"", "{status}");
        assert_eq!(answer.header("content-type"), None, "{status}");
    }
}

#[test]
fn an_interim_response_is_not_taken_for_the_final_one() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let response = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 599 Odd\r\ncontent-length: 2\r\n\r\nok";
    let (_, answer) = origin.exchange(&proxy, &Request::get("/"), response);
    assert_eq!((answer.status(), answer.text().as_str()), (599, "ok"));
    assert_eq!(answer.header("link"), None);
}

#[test]
fn an_invalid_response_is_a_bad_gateway() {
    let (proxy, origin) = Origin::behind_a_proxy();
    let switched =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n";
    for response in ["", "HTTP/1.1 200", "HTTP/9.9 0\r\n\r\n", switched] {
        let (_, answer) = origin.exchange(&proxy, &Request::get("/"), response);
        assert_eq!(answer.status(), 502, "{response:?}");
    }
}

#[test]
fn a_request_with_no_forwards_left_is_answered_by_the_proxy() {
    let (proxy, origin) = Origin::behind_a_proxy();
    for (method, status) in [("OPTIONS", 204), ("TRACE", 501)] {
        let request = Request::new(method, "/").header("Max-Forwards", "0");
        assert_eq!(proxy.answer(&request).status(), status);
        let request = Request::new(method, "/").header("Max-Forwards", "7");
        let (received, _) = origin.exchange(&proxy, &request, EMPTY);
        assert_eq!(received.all("max-forwards"), [b"6"]);
    }
    let request = Request::new("CONNECT", "a.example:443");
    assert_eq!(proxy.answer(&request).status(), 501);
}

#[test]
fn an_unreachable_origin_is_a_bad_gateway() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let response = Proxy::before(address).answer(&Request::get("/"));
    assert_eq!(response.status(), 502);
}

#[test]
fn an_origin_that_accepts_no_connection_is_a_gateway_timeout() {
    let origin = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = origin.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    // Fills the backlog of the listener.
    let waiting: Vec<_> = std::iter::from_fn(connect).collect();
    let response = Proxy::before(address).answer(&Request::get("/"));
    assert_eq!(response.status(), 504);
    drop(waiting);
}
