//! Responses that are stale on arrival: kept where they can be validated, and never reused as they are.

use cached_response::Skip;

use super::{Scene, date, said, target};

#[actix_web::test]
async fn a_response_that_is_stale_on_arrival_without_a_validator_is_not_stored() {
    let past = date(-10);
    for (fields, why) in [
        (&[][..], Skip::Lifetime),
        (&[("cache-control", "public")], Skip::Lifetime),
        (&[("cache-control", "no-cache")], Skip::NoCache),
        (&[("cache-control", "no-cache, max-age=60")], Skip::NoCache),
        (&[("cache-control", "max-age=0")], Skip::Expired),
        (&[("cache-control", "max-age='60'")], Skip::Expired),
        (
            &[("cache-control", "max-age=60, s-maxage=-1")],
            Skip::Expired,
        ),
        (&[("expires", &*past)], Skip::Expired),
        (&[("expires", "0")], Skip::Expired),
        (
            &[("expires", "Thu, 18 Aug 2050 02:01:18 UTC")],
            Skip::Expired,
        ),
        (
            &[
                ("expires", "Thu, 18 Aug 2050 02:01:18 GMT"),
                ("expires", "0"),
            ],
            Skip::Expired,
        ),
    ] {
        let scene = Scene::new().await;
        let page = target("/own", fields);
        for _ in 0..2 {
            let answer = scene.get(&page).await;
            assert_eq!(
                said(&answer),
                format!("fwd=uri-miss; detail={why}"),
                "{fields:?}"
            );
        }
        let stats = scene.stage.cache.stats();
        assert_eq!((stats.skipped(why), stats.entries), (2, 0), "{fields:?}");
    }
}

#[actix_web::test]
async fn with_a_validator_it_is_kept_and_every_request_runs_the_handler() {
    let (past, modified) = (date(-10), date(-1000));
    for stale in [
        ("cache-control", "no-cache"),
        ("cache-control", "no-cache, max-age=60"),
        ("cache-control", "max-age=0"),
        ("cache-control", "public"),
        ("expires", &past),
    ] {
        for validator in [("etag", "\"a\""), ("last-modified", &*modified)] {
            let scene = Scene::new().await;
            let page = target("/own", &[stale, validator]);
            let first = scene.get(&page).await;
            assert_eq!(said(&first), "fwd=uri-miss; stored", "{stale:?}");
            for run in 2..5 {
                scene.after(600);
                let next = scene.get(&page).await;
                assert_eq!(said(&next), "fwd=stale; stored", "{stale:?}");
                assert_eq!(next.text(), format!("run {run}"));
            }
            scene.after(3600);
            let forgotten = scene.get(&page).await;
            assert_eq!(said(&forgotten), "fwd=uri-miss; stored", "{stale:?}");
        }
    }
}

#[actix_web::test]
async fn a_timeout_of_the_handler_does_not_override_no_cache() {
    let scene = Scene::new().await;
    let fields = [
        ("cache-control", "no-cache"),
        (":timeout", "60"),
        ("etag", "\"a\""),
    ];
    let page = target("/own", &fields);
    scene.get(&page).await;
    assert_eq!(said(&scene.get(&page).await), "fwd=stale; stored");
    let never = target(
        "/own",
        &[("cache-control", "max-age=60"), (":timeout", "0")],
    );
    assert_eq!(
        said(&scene.get(&never).await),
        "fwd=uri-miss; detail=timeout"
    );
}
