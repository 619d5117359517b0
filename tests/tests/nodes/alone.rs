//! A node by itself does what the tests count on.

use tests::nodes::{Origin, Point, RunInfo};
use tests::raw::{Connection, Request};
use tests::stage::eventually;

use crate::setting::alone;

#[test]
fn a_node_logs_its_runs_and_the_versions_they_read() {
    let origin = Origin::start().unwrap();
    let node = alone("a", &origin);
    let info = node.page("/page/p");
    let expected = RunInfo {
        page: "p".to_owned(),
        version: 1,
        run: 1,
        node: "a".to_owned(),
    };
    assert_eq!(info, expected);
    assert_eq!(origin.change("p"), 2);
    assert_eq!(node.page("/page/p"), expected);
    assert_eq!(node.invalidate("tag/page:p").status(), 204);
    assert_eq!(node.page("/page/p").version, 2);
    assert_eq!((origin.runs("p"), node.count("runs")), (2, 2));
    assert_eq!(node.get("/plain/p?size=5000").body.len(), 5000);
}

#[test]
fn a_run_is_held_where_the_test_wants_it() {
    let origin = Origin::start().unwrap();
    let node = alone("a", &origin);
    origin.hold(Point::Read, "p");
    origin.hold(Point::Return, "p");
    let request = Request::get("/page/p");
    let mut client = Connection::open(node.address()).unwrap();
    client.send(&request).unwrap();
    origin.wait_held(Point::Read, "p", 1);
    origin.change("p");
    origin.let_one_go_on(Point::Read, "p");
    origin.wait_held(Point::Return, "p", 1);
    origin.change("p");
    origin.go_on(Point::Return, "p");
    let info: RunInfo = client.receive(&request).unwrap().text().parse().unwrap();
    assert_eq!(info.version, 2);
}

#[test]
fn a_node_is_stopped_continued_and_killed() {
    let origin = Origin::start().unwrap();
    let mut node = alone("a", &origin);
    node.stop();
    let request = Request::get("/plain/p");
    let mut client = Connection::open(node.address()).unwrap();
    client.send(&request).unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", node.pid())).unwrap();
    eventually("it is stopped", || state().contains(") T "));
    node.resume();
    assert_eq!(client.receive(&request).unwrap().status(), 200);
    node.kill();
    assert!(!node.is_alive());
    assert!(Connection::open(node.address()).is_err());
}
