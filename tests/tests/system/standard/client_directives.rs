//! What clients wish (RFC 9111 §5.2.1).

use actix_web::test::TestRequest;
use cached_response::{Bypass, Outcome};

use super::{Scene, age, is_hit, said, target, wishing};

const MINUTE: (&str, &str) = ("cache-control", "max-age=60");

/// A page that lives for a minute, by its own word and by the route's.
const PATHS: [&str; 2] = ["/both", "/timed"];

#[actix_web::test]
async fn no_cache_and_max_age_0_get_a_live_answer_that_replaces_the_stored_one() {
    for path in PATHS {
        for (name, value) in [
            ("cache-control", "no-cache"),
            ("cache-control", "x, No-Cache"),
            ("cache-control", "max-age=0"),
            ("pragma", "no-cache"),
        ] {
            let scene = Scene::new().await;
            let page = target(path, &[MINUTE]);
            scene.get(&page).await;
            let request = TestRequest::with_uri(&page).append_header((name, value));
            let live = scene.app.ask(request).answer().await;
            assert_eq!(
                (said(&live), &*live.text()),
                ("fwd=request; stored", "run 2"),
                "{value}"
            );
            let hit = scene.get(&page).await;
            assert_eq!(
                (said(&hit), &*hit.text()),
                ("hit; ttl=60", "run 2"),
                "{value}"
            );
        }
    }
}

/// RFC 9111 §5.2.3 and §5.4.
#[actix_web::test]
async fn an_unknown_request_directive_is_ignored() {
    let scene = Scene::new().await;
    let page = target("/both", &[MINUTE]);
    scene.get(&page).await;
    for (name, value) in [
        ("cache-control", "nothing-to-see-here"),
        ("cache-control", "x=\"no-cache\""),
        ("cache-control", "max-age=60"),
        ("pragma", "foo"),
    ] {
        let request = TestRequest::with_uri(&page).append_header((name, value));
        assert!(is_hit(&scene.app.ask(request).answer().await), "{value}");
    }
    let overruled = wishing(&page, "max-age=60").append_header(("pragma", "no-cache"));
    assert!(is_hit(&scene.app.ask(overruled).answer().await));
}

#[actix_web::test]
async fn without_the_option_the_directives_of_a_client_are_ignored() {
    let scene = Scene::new().await;
    let page = target("/own", &[MINUTE]);
    for wish in [
        "no-cache",
        "no-store",
        "max-age=0",
        "only-if-cached",
        "min-fresh=999",
    ] {
        assert!(
            !said(&scene.wish(&page, wish).await).contains("detail"),
            "{wish}"
        );
        assert!(is_hit(&scene.wish(&page, wish).await), "{wish}");
    }
    assert_eq!(scene.stage.runs(), 1);
}

#[actix_web::test]
async fn a_stored_response_must_be_young_and_fresh_enough() {
    for path in PATHS {
        for (wish, after, hit) in [
            ("max-age=10", 10, true),
            ("max-age=10", 11, false),
            ("max-age=soon", 1, false),
            ("min-fresh=20", 40, true),
            ("min-fresh=20", 41, false),
            ("min-fresh=soon", 0, false),
        ] {
            let scene = Scene::new().await;
            let page = target(path, &[MINUTE]);
            scene.get(&page).await;
            scene.after(after);
            let answer = scene.wish(&page, wish).await;
            assert_eq!(is_hit(&answer), hit, "{path} {wish} {after}");
            if !hit {
                assert_eq!(
                    (said(&answer), scene.stage.runs()),
                    ("fwd=request; stored", 2)
                );
            }
        }
    }
}

#[actix_web::test]
async fn a_client_with_max_stale_gets_a_stale_response_marked_as_such() {
    for path in PATHS {
        let scene = Scene::new().await;
        let page = target(path, &[MINUTE]);
        scene.get(&page).await;
        scene.after(65);
        for wish in ["max-stale", "max-stale=5"] {
            let stale = scene.wish(&page, wish).await;
            assert_eq!(
                (said(&stale), age(&stale)),
                ("hit; ttl=-5", Some(65)),
                "{path} {wish}"
            );
        }
        scene.after(55);
        // It is forgotten by now.
        assert_eq!(
            said(&scene.wish(&page, "max-stale").await),
            "fwd=uri-miss; stored"
        );
    }
    for wish in [
        "max-stale=4",
        "max-stale=soon",
        "max-stale=999, max-age=64",
        "min-fresh=0",
    ] {
        let scene = Scene::new().await;
        let page = target("/both", &[MINUTE]);
        scene.get(&page).await;
        scene.after(65);
        assert_eq!(
            said(&scene.wish(&page, wish).await),
            "fwd=stale; stored",
            "{wish}"
        );
    }
}

/// RFC 9111 §4.2.4.
#[actix_web::test]
async fn a_must_revalidate_response_is_never_stale_under_max_stale() {
    for path in PATHS {
        for says in [
            "max-age=60, must-revalidate",
            "max-age=60, proxy-revalidate",
            "s-maxage=60",
        ] {
            let scene = Scene::new().await;
            let page = target(path, &[("cache-control", says)]);
            scene.get(&page).await;
            scene.after(65);
            let answer = scene.wish(&page, "max-stale").await;
            assert_eq!(said(&answer), "fwd=stale; stored", "{path} {says}");
        }
    }
    let scene = Scene::new().await;
    let page = target("/both", &[("cache-control", "no-cache"), ("etag", "\"a\"")]);
    scene.get(&page).await;
    assert_eq!(
        said(&scene.wish(&page, "max-stale").await),
        "fwd=stale; stored"
    );
}

#[actix_web::test]
async fn no_store_is_neither_looked_up_nor_stored() {
    for path in PATHS {
        let scene = Scene::new().await;
        let page = target(path, &[MINUTE]);
        assert_eq!(
            said(&scene.wish(&page, "no-store").await),
            "fwd=bypass; detail=client"
        );
        assert_eq!(said(&scene.get(&page).await), "fwd=uri-miss; stored");
        assert_eq!(scene.wish(&page, "no-store").await.text(), "run 3");
        assert_eq!(scene.get(&page).await.text(), "run 2");
        assert_eq!(scene.stage.cache.stats().bypassed(Bypass::Client), 2);
    }
}

#[actix_web::test]
async fn a_client_that_wants_a_stored_response_alone_has_no_handler_run_for_it() {
    for path in PATHS {
        let scene = Scene::new().await;
        let page = target(path, &[MINUTE]);
        let refused = scene.wish(&page, "only-if-cached").await;
        assert_eq!(
            (refused.status.as_u16(), said(&refused)),
            (504, "detail=only-if-cached")
        );
        assert_eq!(refused.text(), "");
        assert_eq!(scene.stage.runs(), 0);
        scene.get(&page).await;
        for wish in ["only-if-cached", "only-if-cached, no-store"] {
            assert!(is_hit(&scene.wish(&page, wish).await), "{path} {wish}");
        }
        for wish in ["no-cache", "max-age=0", "min-fresh=61"] {
            let refused = scene.wish(&page, &format!("only-if-cached, {wish}")).await;
            assert_eq!(refused.status, 504, "{path} {wish}");
        }
        scene.after(65);
        assert_eq!(scene.wish(&page, "only-if-cached").await.status, 504);
        assert!(is_hit(
            &scene.wish(&page, "only-if-cached, max-stale").await
        ));
        assert_eq!(
            (scene.stage.runs(), scene.stage.cache.stats().only_if_cached),
            (1, 5)
        );
    }
}

#[actix_web::test]
async fn the_effect_of_a_request_directive_can_be_explained() {
    let scene = Scene::new().await;
    let page = target("/both", &[MINUTE]);
    scene.get(&page).await;
    for (wish, expected) in [
        ("max-age=60", "Hit(60s)"),
        ("min-fresh=61", "Miss(Request)"),
        ("no-cache", "Miss(Request)"),
        ("no-store", "Bypass(Client)"),
        ("no-cache, only-if-cached", "OnlyIfCached"),
        ("min-fresh=61, only-if-cached", "OnlyIfCached"),
    ] {
        let outcome = explained(&scene, &page, wish).await;
        assert_eq!(format!("{outcome:?}"), expected, "{wish}");
    }
}

/// What is said of such a request before its handler runs.
async fn explained(scene: &Scene, page: &str, wish: &str) -> Outcome {
    use actix_web::{App, HttpRequest, HttpResponse, test, web};
    use std::{cell::Cell, rc::Rc};

    let told: Rc<Cell<Option<Outcome>>> = Rc::default();
    let (cache, tell) = (scene.stage.cache.clone(), told.clone());
    let ask = move |request: HttpRequest| {
        let (cache, tell) = (cache.clone(), tell.clone());
        async move {
            tell.set(
                cache
                    .explain(&request)
                    .first()
                    .map(|explained| explained.outcome),
            );
            HttpResponse::Ok().finish()
        }
    };
    let app = test::init_service(App::new().route("/both", web::get().to(ask))).await;
    test::call_service(&app, wishing(page, wish).to_request()).await;
    told.get().expect("the handler is known")
}
