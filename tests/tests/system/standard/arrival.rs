//! The age of a response on arrival (RFC 9111 §4.2.3 and §5.1).

use super::{Scene, age, date, is_hit, said, target};

#[actix_web::test]
async fn a_response_has_its_own_age_and_ages_in_the_store() {
    let scene = Scene::new().await;
    let page = target("/own", &[("cache-control", "max-age=60"), ("age", "40")]);
    let live = scene.get(&page).await;
    assert_eq!(
        (said(&live), age(&live)),
        ("fwd=uri-miss; stored", Some(40))
    );
    let hit = scene.get(&page).await;
    assert_eq!((said(&hit), age(&hit)), ("hit; ttl=20", Some(40)));
    assert_eq!(hit.headers.get_all("age").count(), 1);
    scene.after(19);
    let hit = scene.get(&page).await;
    assert_eq!((said(&hit), age(&hit)), ("hit; ttl=1", Some(59)));
    scene.after(1);
    assert_eq!(said(&scene.get(&page).await), "fwd=stale; stored");
}

#[actix_web::test]
async fn the_time_of_its_run_makes_a_response_older() {
    let scene = Scene::new().await;
    let fresh = ("cache-control", "max-age=60");
    let page = target("/own", &[fresh, ("age", "40"), (":takes", "5")]);
    scene.get(&page).await;
    let hit = scene.get(&page).await;
    assert_eq!((said(&hit), age(&hit)), ("hit; ttl=15", Some(45)));
}

#[actix_web::test]
async fn an_old_date_makes_a_response_older() {
    let scene = Scene::new().await;
    let old = date(-100);
    let page = target("/own", &[("cache-control", "max-age=3600"), ("date", &old)]);
    scene.get(&page).await;
    let hit = scene.get(&page).await;
    let age = age(&hit).unwrap();
    assert!((100..110).contains(&age), "{age}");
    assert_eq!(hit.header("date"), Some(&*old), "the date is the handler's");
}

#[actix_web::test]
async fn a_response_stale_on_arrival_is_never_reused() {
    let scene = Scene::new().await;
    let old = date(-100);
    for field in [
        ("age", "60"),
        ("age", "7200, 0"),
        ("age", "99999999999"),
        ("date", &old),
    ] {
        let page = target("/own", &[("cache-control", "max-age=60"), field]);
        for _ in 0..2 {
            let answer = scene.get(&page).await;
            assert_eq!(said(&answer), "fwd=uri-miss; detail=expired", "{field:?}");
            assert_eq!(answer.header(field.0), Some(field.1), "it is passed on");
        }
    }
    assert_eq!(scene.stage.cache.stats().entries, 0);
}

#[actix_web::test]
async fn an_age_that_is_no_number_is_ignored() {
    let scene = Scene::new().await;
    for told in ["abc", "-7200", "7200.0", "0, 7200"] {
        let page = target("/own", &[("cache-control", "max-age=60"), ("age", told)]);
        scene.get(&page).await;
        let hit = scene.get(&page).await;
        assert!(is_hit(&hit) && age(&hit) == Some(0), "{told}");
    }
}
