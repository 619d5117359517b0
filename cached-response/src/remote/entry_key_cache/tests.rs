use super::*;
use crate::{
    key::handler_id::{HandlerType, SourceLocation},
    policy::Policy,
    remote::names::Namespace,
    route::config::RouteConfig,
};
use actix_web::{HttpRequest, test::TestRequest};

fn site(policy: Policy) -> Route {
    let config = RouteConfig::new(policy, &[]);
    Route::new(
        "handler",
        HandlerType::of::<()>(),
        SourceLocation::VALUE,
        config,
    )
}

fn get(target: &str) -> HttpRequest {
    TestRequest::with_uri(target).to_http_request()
}

/// The errand, and whether it had to be made.
fn ask(remote: u64, site: &Route, key: &str, request: &HttpRequest) -> (Arc<RemoteKey>, bool) {
    let (config, key) = (&site.config, key.as_bytes());
    let target = Target::Response { config, request };
    let errand = known((remote, site, key, target), || {
        RemoteKey::of(&Namespace::new("shop", 1), site, key, target, 9)
    });
    errand.unwrap()
}

/// As something that is asked for again and again is.
fn ask_often(remote: u64, site: &Route, key: &str, request: &HttpRequest) {
    for made in [true, true, false] {
        assert_eq!(ask(remote, site, key, request).1, made);
    }
}

#[test]
fn what_is_asked_for_twice_is_known() {
    let (site, request) = (site(Policy::default()), get("/a?b=1"));
    ask_often(1, &site, "/a?b=1", &request);
    let (errand, _) = ask(1, &site, "/a?b=1", &request);
    assert!(errand.full_key.ends_with(b"/a?b=1"));
}

#[test]
fn an_errand_is_of_its_store_its_site_its_key_and_its_target() {
    let (this, other) = (site(Policy::default()), site(Policy::default()));
    ask_often(1, &this, "key", &get("/a"));
    assert!(ask(2, &this, "key", &get("/a")).1);
    assert!(ask(1, &other, "key", &get("/a")).1);
    assert!(ask(1, &this, "another", &get("/a")).1);
    // Its nonces are of the target, whatever the key has of that.
    let (errand, made) = ask(1, &this, "key", &get("/b"));
    assert!(made);
    assert_ne!(errand.nonces(), ask(1, &this, "key", &get("/a")).0.nonces());
}

#[test]
fn what_has_tags_is_made_anew_each_time() {
    let (site, request) = (site(Policy::default().tags(["a"])), get("/a"));
    for _ in 0..3 {
        assert!(ask(1, &site, "key", &request).1);
    }
}

#[test]
fn what_is_long_is_made_anew_each_time() {
    let site = site(Policy::default());
    let long = "a".repeat(LONGEST + 1);
    for _ in 0..3 {
        assert!(ask(1, &site, &long, &get("/a")).1);
        assert!(ask(1, &site, "key", &get(&format!("/{long}"))).1);
    }
}

#[test]
fn a_flood_of_others_does_not_push_out_what_is_asked_for() {
    let (site, request) = (site(Policy::default()), get("/a"));
    ask_often(1, &site, "key", &request);
    for flood in 0..10 * PLACES {
        ask(1, &site, &flood.to_string(), &get("/a"));
    }
    assert!(!ask(1, &site, "key", &request).1);
}

#[test]
fn pages_whose_places_meet_do_not_push_each_other_out() {
    let (site, request) = (site(Policy::default()), get("/a"));
    let mut keys: Vec<Vec<String>> = vec![Vec::new(); PLACES / WAYS];
    let all = (0..).map(|number: u32| number.to_string());
    let mut met = all.filter_map(|key| {
        let place = &mut keys[at(hash(1, site.id, key.as_bytes()))];
        place.push(key);
        (place.len() == WAYS).then(|| place.clone())
    });
    let keys = met.next().unwrap();
    for key in &keys {
        ask_often(1, &site, key, &request);
    }
    for key in &keys {
        assert!(!ask(1, &site, key, &request).1, "{key}");
    }
}
