//! `Cache-Control`, of responses and of requests.

use actix_web::App;
use actix_web::test::init_service;
use cached_response::testing::isolated;

use super::{asking_for, refused, with_headers};
use crate::ask::get_with;

/// What its own headers forbid to store is never stored.
#[actix_web::test]
async fn a_prohibition_in_cache_control_is_never_missed() {
    for (lines, why) in [
        (&["Private"][..], "private"),
        (&["PRIVATE=\"x\""], "private"),
        (&["private=x"], "private"),
        (&["public, private"], "private"),
        (&["public", "private"], "private"),
        (&["max-age=60,private"], "private"),
        (&["a=\",\", private"], "private"),
        (&["NO-STORE"], "no-store"),
        (&["max-age=60,\tno-store"], "no-store"),
        (&["max-age=60", "no-store"], "no-store"),
        (&["no-store=1"], "no-store"),
        (&["no-cache"], "no-cache"),
        (&["No-Cache=\"set-cookie\""], "no-cache"),
        (&["max-age=0"], "max-age"),
        (&["MAX-AGE=\"0\""], "max-age"),
        (&["max-age=60, max-age=0"], "max-age"),
        (&["max-age=00"], "max-age"),
        (&["s-maxage=0"], "max-age"),
        (&["s-maxage=0, max-age=60"], "max-age"),
        (&["max-age=-1"], "cache-control"),
        (&["max-age="], "cache-control"),
        (&["max-age"], "cache-control"),
        (&["max-age=1.5"], "cache-control"),
        (&["max-age=1 2"], "cache-control"),
        (&["max-age=\"60"], "cache-control"),
        (&["=60"], "cache-control"),
        (&["a b"], "cache-control"),
        (&["\"no-store\""], "cache-control"),
        (&["public; private"], "cache-control"),
    ] {
        let given: Vec<_> = lines.iter().map(|line| ("Cache-Control", *line)).collect();
        assert_eq!(refused(&given).await.as_deref(), Some(why), "{lines:?}");
    }
}

#[actix_web::test]
async fn a_cache_control_without_a_prohibition_is_stored() {
    for line in [
        "",
        ",",
        "public",
        "max-age=60",
        "max-age=99999999999999999999",
        "s-maxage=60, max-age=0",
        "not-private",
        "privately",
        "x=\"private\"",
        "x=\"no-store, private\"",
        "immutable",
        "stale-while-revalidate=0",
        "no-transform",
    ] {
        assert_eq!(refused(&[("Cache-Control", line)]).await, None, "{line}");
    }
}

/// Only a 200 is stored, unless the route says otherwise.
#[actix_web::test]
async fn the_cache_control_of_a_request_does_not_change_storing() {
    for value in [
        "public",
        "no-store",
        "no-cache",
        "max-age=0",
        "only-if-cached",
        "private",
    ] {
        let _cache = isolated();
        let app = init_service(App::new().service(with_headers)).await;
        let public = asking_for(&[("x", "y")]);
        let private = asking_for(&[("cache-control", "private")]);
        for (target, hit) in [
            (&public, false),
            (&public, true),
            (&private, false),
            (&private, false),
        ] {
            let answer = get_with(&app, target, ("cache-control", value)).await;
            assert_eq!(answer.is_hit(), hit, "{value} {target}");
        }
    }
}
