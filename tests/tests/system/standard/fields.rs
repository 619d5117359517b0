//! What becomes of the fields of a response that says its own lifetime.

use super::{Scene, date, is_hit, target};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

#[actix_web::test]
async fn a_date_that_can_be_read_stays_and_another_is_set() {
    let scene = Scene::new().await;
    let past = date(-20);
    let page = target("/own", &[FRESH, ("date", &past)]);
    for _ in 0..2 {
        assert_eq!(scene.get(&page).await.header("date"), Some(&*past));
    }
    for fields in [
        &[FRESH][..],
        &[FRESH, ("date", "yesterday")],
        &[FRESH, ("date", &past), ("date", &past)],
    ] {
        let page = target("/own", fields);
        let live = scene.get(&page).await;
        let set = live.header("date").expect("every response has a date");
        assert!(set != "yesterday" && set != past, "{fields:?}");
        let hit = scene.get(&page).await;
        assert!(
            is_hit(&hit) && hit.header("date") == Some(set),
            "{fields:?}"
        );
        assert_eq!(hit.headers.get_all("date").count(), 1, "{fields:?}");
    }
}

#[actix_web::test]
async fn the_fields_of_a_lifetime_are_forwarded_unchanged() {
    let scene = Scene::new().await;
    let soon = date(300);
    let said = [
        ("cache-control", "Max-Age=060, made-up"),
        ("expires", &*soon),
        ("pragma", "x"),
    ];
    let page = target("/own", &said);
    for hit in [false, true] {
        let answer = scene.get(&page).await;
        assert_eq!(is_hit(&answer), hit);
        for (name, value) in said {
            assert_eq!(answer.header(name), Some(value), "{name}, hit: {hit}");
        }
    }
}

/// RFC 9111 §5.2.2.4 and §5.2.2.7.
#[actix_web::test]
async fn a_field_that_is_withheld_from_others_reaches_its_own_client_alone() {
    for form in ["private", "no-cache"] {
        let scene = Scene::new().await;
        let says = format!("max-age=60, {form}=\"X-Name, x-age\"");
        let fields = [
            ("cache-control", &*says),
            ("x-name", "Anna"),
            ("x-age", "30"),
            ("x-weather", "fair"),
        ];
        let page = target("/own", &fields);
        let live = scene.get(&page).await;
        assert_eq!(live.header("x-name"), Some("Anna"));
        let hit = scene.get(&page).await;
        assert!(is_hit(&hit));
        assert_eq!(hit.header("x-weather"), Some("fair"));
        assert_eq!((hit.header("x-name"), hit.header("x-age")), (None, None));
    }
}

#[actix_web::test]
async fn a_response_with_set_cookie_is_never_stored_whatever_its_lifetime() {
    let scene = Scene::new().await;
    for says in [
        "max-age=60",
        "max-age=60, public",
        "max-age=60, no-cache=\"set-cookie\"",
    ] {
        let page = target("/own", &[("cache-control", says), ("set-cookie", "a=1")]);
        for _ in 0..2 {
            assert_eq!(
                super::said(&scene.get(&page).await),
                "fwd=uri-miss; detail=set-cookie"
            );
        }
    }
}
