//! Outcomes of a validation: a 304, or another response.

use cached_response::Skip;

use super::{BOTH, DATED, ORIGIN, Origin, SHOWN, Scene, TAGGED, VALIDATED, said};

#[actix_web::test]
async fn a_validated_response_is_answered_whole_and_stays_for_another_lifetime() {
    for target in BOTH {
        let scene = Scene::of(TAGGED).await;
        let first = scene.get(target).await;
        assert_eq!((first.status.as_u16(), first.text()), (200, "one".into()));
        scene.expire();
        let second = scene.get(target).await;
        assert_eq!(said(&second), VALIDATED, "{target}");
        assert_eq!((second.status.as_u16(), second.text()), (200, "one".into()));
        assert_eq!(second.header("age"), None);
        let third = scene.get(target).await;
        assert_eq!(third.header("age"), Some("0"));
        assert_eq!(third.text(), "one");
        assert_eq!(scene.stage.runs(), 2, "{target}");
        assert_eq!(scene.stage.cache.stats().validated, 1);
        SHOWN.with_borrow(|shown| assert_eq!(*shown, [None, Some("\"1\"".into())]));
    }
}

#[actix_web::test]
async fn fields_of_the_304_replace_the_stored_ones_and_others_stay() {
    let origin = Origin {
        fields: &[
            ("etag", "\"1\""),
            ("x-edition", "first"),
            ("x-edition", "too"),
            ("x-kept", "yes"),
            ("content-type", "text/plain"),
            ("content-encoding", "x-none"),
        ],
        unchanged: &[
            ("x-edition", "second"),
            ("x-new", "1"),
            ("content-encoding", "gzip"),
            ("content-range", "bytes 0-1/2"),
            ("content-type", "text/html"),
            ("connection", "x-kept"),
            ("x-kept", "no"),
        ],
        ..TAGGED
    };
    for target in BOTH {
        let scene = Scene::of(origin).await;
        scene.get(target).await;
        scene.expire();
        scene.get(target).await;
        let hit = scene.get(target).await;
        assert!(said(&hit).contains("hit"), "{target}");
        let edition: Vec<_> = hit.headers.get_all("x-edition").collect();
        assert_eq!(edition, ["second"], "{target}");
        for (name, value) in [
            ("x-new", Some("1")),
            ("content-type", Some("text/html")),
            ("content-encoding", Some("x-none")),
            ("content-range", None),
            ("x-kept", Some("yes")),
        ] {
            assert_eq!(hit.header(name), value, "{target} {name}");
        }
    }
}

#[actix_web::test]
async fn a_changed_response_replaces_the_stored_one() {
    for target in BOTH {
        let scene = Scene::of(TAGGED).await;
        scene.get(target).await;
        scene.expire();
        ORIGIN.set(Origin {
            body: "two",
            fields: &[("etag", "\"2\"")],
            unchanged: &[],
        });
        let live = scene.get(target).await;
        assert_eq!(said(&live), "cached-response; fwd=stale; stored");
        assert_eq!(live.text(), "two");
        assert_eq!(scene.get(target).await.text(), "two");
        assert_eq!(scene.stage.runs(), 2);
    }
}

#[actix_web::test]
async fn a_clients_own_conditions_are_its_own() {
    for target in BOTH {
        let scene = Scene::of(TAGGED).await;
        scene.get(target).await;
        scene.expire();
        let known = scene.get_with(target, "if-none-match", "\"1\"").await;
        assert_eq!(known.status.as_u16(), 304, "{target}");
        let other = scene.get_with(target, "if-none-match", "\"0\"").await;
        assert_eq!((other.status.as_u16(), other.text()), (200, "one".into()));
        scene.expire();
        let part = scene.get_with(target, "range", "bytes=1-").await;
        assert!([200, 206].contains(&part.status.as_u16()), "{target}");
        assert!(["ne", "one"].contains(&&*part.text()), "{target}");
        assert_eq!(scene.get(target).await.text(), "one");
    }
}

#[actix_web::test]
async fn a_304_that_names_another_response_is_answered_and_not_stored() {
    let origin = Origin {
        unchanged: &[("etag", "\"2\""), ("x-edition", "second")],
        ..TAGGED
    };
    // What has no tag has not this one either.
    let untagged = Origin {
        fields: DATED,
        ..origin
    };
    for (target, origin) in BOTH
        .into_iter()
        .flat_map(|target| [(target, origin), (target, untagged)])
    {
        let scene = Scene::of(origin).await;
        scene.get(target).await;
        scene.expire();
        let live = scene.get(target).await;
        assert_eq!((live.status.as_u16(), live.text()), (200, "one".into()));
        assert!(said(&live).ends_with("fwd=stale; detail=validator"));
        let stats = scene.stage.cache.stats();
        assert_eq!(stats.skipped(Skip::Validator), 1, "{target}");
    }
}
