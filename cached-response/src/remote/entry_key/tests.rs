use super::*;
use crate::{
    entry::codec::head::Metadata,
    key::handler_id::{HandlerType, SourceLocation},
    policy::Policy,
    remote::names::Namespace,
    route::config::RouteConfig,
};
use actix_web::{HttpRequest, test::TestRequest};
use std::{cell::Cell, sync::Arc, time::Duration};

fn route(policy: Policy) -> Route {
    let config = RouteConfig::new(policy, &[]);
    Route::new(
        "handler",
        HandlerType::of::<()>(),
        SourceLocation::VALUE,
        config,
    )
}

type Cache = WorkerCache<CachedKey, SETS, WAYS>;

fn get(target: &str) -> HttpRequest {
    TestRequest::with_uri(target).to_http_request()
}

/// Returns the key, and whether it was created.
fn request_key(
    tier: u64,
    route: &Route,
    key: &str,
    request: &HttpRequest,
) -> (Arc<RemoteKey>, bool) {
    let (target, key) = (route.config.target(request), key.as_bytes());
    let remote_key = cached((tier, route, key, target), || {
        RemoteKey::of(&Namespace::new("shop", 1), route, key, target, 9)
    });
    remote_key.unwrap()
}

/// Requests a key until it is cached.
fn request_often(tier: u64, route: &Route, key: &str, request: &HttpRequest) {
    for is_new in [true, true, false] {
        assert_eq!(request_key(tier, route, key, request).1, is_new);
    }
}

#[test]
fn a_key_is_cached_at_its_second_request() {
    let (route, request) = (route(Policy::default()), get("/a?b=1"));
    request_often(1, &route, "/a?b=1", &request);
    let (remote_key, _) = request_key(1, &route, "/a?b=1", &request);
    assert!(remote_key.full_key.ends_with(b"/a?b=1"));
}

#[test]
fn a_cached_key_belongs_to_its_tier_route_key_and_target() {
    let (this, other) = (route(Policy::default()), route(Policy::default()));
    request_often(1, &this, "key", &get("/a"));
    assert!(request_key(2, &this, "key", &get("/a")).1);
    assert!(request_key(1, &other, "key", &get("/a")).1);
    assert!(request_key(1, &this, "another", &get("/a")).1);
    // Its nonces depend on the target, whatever the request's key contains of it.
    let (remote_key, is_new) = request_key(1, &this, "key", &get("/b"));
    assert!(is_new);
    assert_ne!(
        remote_key.nonce_names(),
        request_key(1, &this, "key", &get("/a")).0.nonce_names()
    );
}

#[test]
fn a_key_with_tags_is_not_cached() {
    let (route, request) = (route(Policy::default().tags(["a"])), get("/a"));
    for _ in 0..3 {
        assert!(request_key(1, &route, "key", &request).1);
    }
}

#[test]
fn a_long_key_is_not_cached() {
    let route = route(Policy::default());
    let long = "a".repeat(MAX_CACHED_BYTES + 1);
    for _ in 0..3 {
        assert!(request_key(1, &route, &long, &get("/a")).1);
        assert!(request_key(1, &route, "key", &get(&format!("/{long}"))).1);
    }
}

#[test]
fn keys_that_do_not_recur_evict_nothing() {
    let (route, request) = (route(Policy::default()), get("/a"));
    request_often(1, &route, "key", &request);
    for flood in 0..10 * SETS * WAYS {
        request_key(1, &route, &flood.to_string(), &get("/a"));
    }
    assert!(!request_key(1, &route, "key", &request).1);
}

#[test]
fn keys_of_one_set_do_not_evict_each_other() {
    let (route, request) = (route(Policy::default()), get("/a"));
    let mut keys: Vec<Vec<String>> = vec![Vec::new(); SETS];
    let all = (0..).map(|number: u32| number.to_string());
    let mut full = all.filter_map(|key| {
        let set = &mut keys[Cache::index(hash(1, route.id, key.as_bytes()))];
        set.push(key);
        (set.len() == WAYS).then(|| set.clone())
    });
    let keys = full.next().unwrap();
    for key in &keys {
        request_often(1, &route, key, &request);
    }
    for key in &keys {
        assert!(!request_key(1, &route, key, &request).1, "{key}");
    }
}

const KEY: &[u8] = b"key";

fn frame(lifetime: u64, body: &'static str) -> Bytes {
    let stored = StoredResponse {
        lifetime: Duration::from_secs(lifetime),
        body: body.into(),
        ..StoredResponse::default()
    };
    codec::response(KEY, &stored, &Metadata::default()).unwrap()
}

fn read(cache: &HeadCache, frame: &Bytes) -> StoredResponse {
    match cache.decode(KEY, frame).unwrap() {
        Decoded::Response(stored, _) => *stored,
        Decoded::Names(_) => unreachable!("the frame is a response"),
    }
}

#[test]
fn a_head_that_recurs_is_reused_with_the_new_body() {
    let cache = HeadCache::default();
    let first = read(&cache, &frame(9, "one"));
    let second = read(&cache, &frame(9, "two"));
    let third = read(&cache, &frame(9, "three"));
    let fourth = read(&cache, &frame(9, "four"));
    // The second read caches it, and the third and later ones reuse it.
    assert!(!Arc::ptr_eq(&first.headers, &second.headers));
    assert!(Arc::ptr_eq(&third.headers, &fourth.headers));
    let bodies = [first, second, third, fourth].map(|stored| stored.body);
    assert_eq!(bodies, ["one", "two", "three", "four"]);
}

#[test]
fn another_head_is_decoded_and_replaces_it() {
    let cache = HeadCache::default();
    for lifetime in [9, 9, 9, 8, 8, 9] {
        let stored = read(&cache, &frame(lifetime, "body"));
        assert_eq!(stored.lifetime.as_secs(), lifetime);
    }
    assert!(cache.decode(b"another key", &frame(7, "body")).is_none());
    let mut altered = frame(9, "body").to_vec();
    *altered.last_mut().unwrap() ^= 1;
    assert!(cache.decode(KEY, &altered.into()).is_none());
}

#[test]
fn a_verdict_holds_for_the_same_head_alone() {
    let (cache, judged) = (HeadCache::default(), Cell::new(0));
    let permits = |stored: &StoredResponse, permits| {
        cache.permits(stored, || {
            judged.set(judged.get() + 1);
            permits
        })
    };
    let first = read(&cache, &frame(9, "one"));
    assert!(permits(&first, true));
    let _ = read(&cache, &frame(9, "two"));
    for times in [2, 2] {
        let known = read(&cache, &frame(9, "three"));
        assert!(!permits(&known, false));
        assert_eq!(judged.get(), times);
    }
    // A response with another head is judged each time.
    assert!(permits(&first, true) && permits(&first, true));
    assert_eq!(judged.get(), 4);
    let _ = read(&cache, &frame(8, "four"));
    assert!(permits(&read(&cache, &frame(8, "five")), true));
    assert_eq!(judged.get(), 5);
}
