//! Nodes that share Memcached, which has no messages for invalidations.

use std::time::{Duration, Instant};

use tests::nodes::{Node, Origin, Remote, Settings};
use tests::servers::memcached::Memcached;
use tests::stage::eventually;

use crate::setting::{MARGIN, knows_its_tags, start, until_page};

const SILENCE: Duration = Duration::from_secs(2);

fn settings(name: &str, server: &Memcached, origin: &Origin) -> Settings {
    let remote = Remote::Memcached(vec![server.address()]);
    Settings {
        silence: Some(SILENCE),
        budget: Some(Duration::from_secs(1)),
        ..Settings::new(name, remote, origin.address())
    }
}

/// Asks a node for a page, and waits until what it has to write is written.
fn put(node: &Node, target: &str) -> u64 {
    knows_its_tags(node);
    let written = node.count("remote/written");
    let run = node.page(target).run;
    eventually("it is written", || node.count("remote/written") > written);
    run
}

#[test]
fn nodes_share_memcached() {
    let (origin, server) = (Origin::start().unwrap(), Memcached::start().unwrap());
    let of = |name: &str| settings(name, &server, &origin);
    let (a, b) = (start(&of("a")), start(&of("b").without_memory()));
    for (target, way) in [
        ("/page/p", "tag/page:p"),
        ("/named/p", "tag/page:p"),
        ("/page/p", "path/page/p"),
        ("/page/p", "all"),
    ] {
        let run = put(&a, target);
        assert_eq!(b.page(target).run, run);
        let version = origin.change("p");
        assert_eq!(a.invalidate(way).status(), 204);
        assert_eq!(b.page(target).version, version, "{target} {way}");
        assert_eq!(a.page(target).version, version, "{target} {way}");
        assert_eq!(a.invalidate("all").status(), 204);
    }
}

#[test]
fn memory_is_compared_with_memcached_when_its_silence_is_over() {
    let (origin, server) = (Origin::start().unwrap(), Memcached::start().unwrap());
    let of = |name: &str| settings(name, &server, &origin);
    let (a, b) = (start(&of("a")), start(&of("b")));
    let run = put(&a, "/page/p");
    assert_eq!(b.page("/page/p").run, run);
    let version = origin.change("p");
    assert_eq!(a.invalidate("tag/page:p").status(), 204);
    let since = Instant::now();
    let late = until_page(&b, "/page/p", since, |it| it.version == version);
    assert!(late <= SILENCE + MARGIN, "{late:?}");
}

#[test]
fn a_memcached_that_is_killed_and_restarted_is_used_again() {
    let (origin, mut server) = (Origin::start().unwrap(), Memcached::start().unwrap());
    let node = start(&settings("a", &server, &origin).without_memory());
    put(&node, "/page/p");
    server.kill();
    for page in 0..20 {
        let answer = node.get(&format!("/page/p{page}"));
        assert_eq!(answer.status(), 200);
        assert!(answer.took < Duration::from_secs(1) + MARGIN);
    }
    server.restart().unwrap();
    eventually("it is answered from the store", || {
        node.get("/page/p").header("age").is_some()
    });
}
