//! Bodies that end with an error, early or late.

use cached_response::Skip;
use tests::alone::{Panics, alone};
use tests::raw::{Request, fetch};
use tests::stage::eventually;

use super::{routes, stage};

/// An error at each byte.
#[actix_web::test]
async fn a_body_that_breaks_off_anywhere_is_not_stored() {
    let stage = stage();
    let app = stage.app(routes).await;
    for at in 0..10 {
        for again in 1..=2 {
            let answer = app.get(&format!("/broken/{at}")).answer().await;
            assert!(answer.body.is_none(), "it breaks off at {at}");
            assert_eq!(stage.runs(), 2 * at + again);
        }
    }
    // Behind its last byte there is no error.
    let whole = app.get("/broken/10").text().await;
    assert_eq!(app.get("/broken/10").text().await, whole);
    let stats = stage.cache.stats();
    assert_eq!((stats.skipped(Skip::Incomplete), stats.stored), (20, 1));
    assert_eq!((stage.runs(), stats.entries, stats.running), (21, 1, 0));
}

/// Eight bytes were declared.
#[actix_web::test]
async fn a_body_of_another_length_than_declared_is_not_stored() {
    let stage = stage();
    let app = stage.app(routes).await;
    for length in [0, 3, 7, 9, 20] {
        for _ in 0..2 {
            let runs = stage.runs();
            app.get(&format!("/sized/{length}")).answer().await;
            assert_eq!(stage.runs(), runs + 1, "{length}");
        }
    }
    assert_eq!(stage.cache.stats().entries, 0);
    assert_eq!(app.get("/sized/8").text().await, "xxxxxxxx");
    assert_eq!(app.get("/sized/8").text().await, "xxxxxxxx");
    assert_eq!((stage.runs(), stage.cache.stats().entries), (11, 1));
}

/// Over sockets, where a short body must not look whole to a client either.
#[test]
fn a_client_sees_a_short_or_broken_body_as_such() {
    let stage = stage();
    let server = stage.serve(1, routes);
    for target in ["/sized/3", "/broken/4"] {
        for _ in 0..2 {
            assert!(fetch(server.address(), &Request::get(target)).is_err());
        }
    }
    assert_eq!((stage.runs(), stage.cache.stats().entries), (4, 0));
}

/// The stream panics, in the task that copies it.
#[test]
fn a_body_that_panics_is_cut_short_and_not_stored() {
    alone(|| {
        let panics = Panics::count();
        let stage = stage();
        let server = stage.serve(1, routes);
        for round in 1..=3 {
            assert!(fetch(server.address(), &Request::get("/panics")).is_err());
            eventually("it ends", || stage.cache.stats().running == 0);
            assert_eq!((stage.runs(), panics.ordered()), (round, round));
        }
        assert_eq!(stage.cache.stats().skipped(Skip::Incomplete), 3);
        let other = fetch(server.address(), &Request::get("/sized/8")).unwrap();
        assert_eq!(other.text(), "xxxxxxxx");
    });
}
