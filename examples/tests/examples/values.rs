//! `values` computes the shared value once, as it prints.

use crate::program::{Program, start};

#[test]
fn pages_share_what_was_computed_once() {
    let program = Program::announced(start("values", Some("0")));
    let list = program.get("/regions");
    assert!(list.body.contains("\"europe\""), "{list:?}");
    let europe = program.get("/regions/europe");
    assert!(europe.body.contains("\"Andorra\":7"), "{europe:?}");
    assert_eq!(
        program.get("/regions/Atlantis").status,
        "HTTP/1.1 404 Not Found"
    );

    let changed = program.send_form("POST", "/regions", "");
    assert_eq!(changed.body, "computed 1 times, shared 2 times");
    assert_eq!(program.get("/regions").body, list.body);
    let changed = program.send_form("POST", "/regions", "");
    assert_eq!(changed.body, "computed 2 times, shared 2 times");
}
