//! How long a response lives by its own word (RFC 9111 §4.2.1 and §4.2.2).

use super::{Scene, date, is_hit, said, target};

/// Asked shortly before its end it is reused, and shortly after it is not. The fields that have
/// dates in them are as exact as the second that the test began in.
async fn lives(path: &str, fields: &[(&str, &str)], lifetime: u64) {
    let scene = Scene::new().await;
    let page = target(path, fields);
    assert!(!is_hit(&scene.get(&page).await), "{fields:?}");
    scene.after(lifetime - 2);
    assert!(is_hit(&scene.get(&page).await), "{fields:?}");
    scene.after(4);
    assert!(!is_hit(&scene.get(&page).await), "{fields:?}");
}

#[actix_web::test]
async fn a_response_is_fresh_for_its_own_lifetime() {
    let (now, soon, past) = (date(0), date(300), date(-10));
    for (fields, lifetime) in [
        (&[("cache-control", "max-age=60")][..], 60),
        (&[("cache-control", "max-age=9, s-maxage=60")], 60),
        (
            &[
                ("cache-control", "max-age=600"),
                ("cache-control", "s-maxage=60"),
            ],
            60,
        ),
        (&[("cache-control", "max-age=60"), ("expires", "0")], 60),
        (&[("cache-control", "max-age=0060, no-such-thing")], 60),
        (&[("expires", &*soon)], 300),
        (&[("expires", &soon), ("date", &now)], 300),
        // It is ten seconds old on arrival, and fresh for 310.
        (&[("expires", &soon), ("date", &past)], 300),
        (&[("expires", &soon), ("date", "yesterday")], 300),
        (&[("cache-control", "max-age=60"), (":timeout", "100")], 100),
        (
            &[
                ("cache-control", "max-age=60"),
                ("age", "50"),
                (":timeout", "100"),
            ],
            100,
        ),
        (&[(":timeout", "100")], 100),
    ] {
        lives("/own", fields, lifetime).await;
    }
}

#[actix_web::test]
async fn a_response_without_a_lifetime_is_fresh_for_a_fraction_of_its_time_since_modification() {
    let (now, modified, long_ago) = (date(0), date(-1000), date(-10_000_000));
    for (fields, lifetime) in [
        (&[("last-modified", &*modified), ("date", &*now)][..], 500),
        (&[("last-modified", &modified)], 500),
        (&[("last-modified", &long_ago)], 86_400),
        (
            &[
                ("last-modified", &modified),
                ("cache-control", "max-age=60"),
            ],
            60,
        ),
        (&[("last-modified", &modified), (":status", "404")], 500),
        (
            &[
                ("last-modified", &modified),
                (":status", "302"),
                ("cache-control", "public"),
            ],
            500,
        ),
    ] {
        lives("/guess", fields, lifetime).await;
    }
}

#[actix_web::test]
async fn a_heuristic_lifetime_needs_the_option_of_the_route_and_a_cacheable_status() {
    let scene = Scene::new().await;
    let modified = date(-1000);
    for (path, status) in [("/own", "200"), ("/guess", "403"), ("/guess", "503")] {
        let page = target(path, &[("last-modified", &modified), (":status", status)]);
        scene.get(&page).await;
        assert!(!is_hit(&scene.get(&page).await), "{path} {status}");
    }
}

/// RFC 9111 §3: status code is final, and freshness explicit. RFC 6585: some are never stored.
#[actix_web::test]
async fn any_final_status_with_a_lifetime_is_stored() {
    let scene = Scene::new().await;
    for status in 200..=599 {
        let fields = [
            (":status", &*status.to_string()),
            ("cache-control", "max-age=60"),
        ];
        let page = target("/own", &fields);
        assert_eq!(scene.get(&page).await.status, status);
        let again = scene.get(&page).await;
        let for_one = [206, 304, 412, 416, 428, 429, 431, 511].contains(&status);
        assert_eq!(is_hit(&again), !for_one, "{status}");
        assert_eq!(again.status, status);
    }
}

#[actix_web::test]
async fn a_route_that_names_statuses_stores_no_others() {
    let scene = Scene::new().await;
    for (status, lifetime) in [("200", Some(60)), ("404", Some(10)), ("410", None)] {
        let page = target(
            "/some",
            &[(":status", status), ("cache-control", "max-age=60")],
        );
        scene.get(&page).await;
        let again = scene.get(&page).await;
        let expected = match lifetime {
            Some(lifetime) => format!("hit; ttl={lifetime}"),
            None => "fwd=uri-miss; detail=status".to_owned(),
        };
        assert_eq!(said(&again), expected, "{status}");
    }
}

/// RFC 9213.
#[actix_web::test]
async fn a_targeted_field_rules_in_place_of_the_others_and_is_passed_on() {
    let past = date(-10);
    for (targeted, plain, expected) in [
        ("max-age=60", "no-store", "hit; ttl=60"),
        ("max-age=60", "max-age=5", "hit; ttl=60"),
        ("max-age=0", "max-age=60", "fwd=uri-miss; detail=expired"),
        (
            "max-age=60, private",
            "public",
            "fwd=uri-miss; detail=private",
        ),
        (
            "max-age=60, &&&&&",
            "no-store",
            "fwd=uri-miss; detail=no-store",
        ),
        (
            "max-age=\"60\"",
            "max-age=60",
            "fwd=uri-miss; detail=lifetime",
        ),
    ] {
        let scene = Scene::new().await;
        let fields = [
            ("cdn-cache-control", targeted),
            ("cache-control", plain),
            ("expires", &past),
        ];
        let page = target("/cdn", &fields);
        for _ in 0..2 {
            let answer = scene.get(&page).await;
            assert_eq!(answer.header("cdn-cache-control"), Some(targeted));
            assert_eq!(answer.header("cache-control"), Some(plain));
        }
        assert_eq!(
            said(&scene.get(&page).await),
            expected,
            "{targeted} | {plain}"
        );
    }
}
