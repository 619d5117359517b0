mod names {
    use crate::invalidation::{
        generation::Snapshot,
        registry::{MIN_SWEEP, Registry, SHARDS},
        scope::Bump::Invalidate,
    };

    #[test]
    fn a_held_name_has_one_generation() {
        let registry = Registry::new();
        let (one, other) = (registry.hold(&"a"), registry.hold(&"a"));
        let (first, second) = (Snapshot::of([one]), Snapshot::of([other]));
        registry.bump(&"a", Invalidate);
        assert!(!first.is_current() && !second.is_current());
    }

    #[test]
    fn names_do_not_invalidate_each_other() {
        let registry = Registry::new();
        let snapshot = Snapshot::of([registry.hold(&"a")]);
        registry.bump(&"b", Invalidate);
        assert!(snapshot.is_current());
    }

    #[test]
    fn an_unheld_name_is_not_added_when_it_is_invalidated() {
        let registry = Registry::new();
        registry.bump(&"a", Invalidate);
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn a_held_name_outlives_every_sweep() {
        let registry = Registry::new();
        let held: Vec<_> = (0..1000)
            .map(|name: u32| Snapshot::of([registry.hold(&name)]))
            .collect();
        for name in 1000..100_000_u32 {
            drop(registry.hold(&name));
        }
        for (name, snapshot) in (0_u32..).zip(&held) {
            assert!(snapshot.is_current());
            registry.bump(&name, Invalidate);
            assert!(!snapshot.is_current(), "{name} was swept out");
        }
    }

    #[test]
    fn a_million_dropped_names_are_swept() {
        let registry = Registry::new();
        for name in 0..1_000_000_u32 {
            drop(registry.hold(&name));
        }
        assert!(registry.len() <= SHARDS * MIN_SWEEP, "{}", registry.len());
    }

    #[test]
    fn names_that_were_held_at_once_are_swept_later() {
        let registry = Registry::new();
        let crowd: Vec<_> = (0..100_000_u32).map(|name| registry.hold(&name)).collect();
        drop(crowd);
        for name in 100_000..200_000_u32 {
            drop(registry.hold(&name));
        }
        assert!(registry.len() <= SHARDS * MIN_SWEEP, "{}", registry.len());
    }

    #[test]
    fn the_registry_is_bounded_by_the_held_names() {
        let registry = Registry::new();
        let held: Vec<_> = (0..10_000_u32).map(|name| registry.hold(&name)).collect();
        for name in 10_000..1_000_000_u32 {
            drop(registry.hold(&name));
        }
        let most = held.len() * 8 / 5 + SHARDS * MIN_SWEEP;
        assert!(registry.len() <= most, "{}", registry.len());
    }
}

use super::{Generations, process_bumps};
use crate::{
    invalidation::{
        generation::{Snapshot, Validity},
        registry::{MIN_SWEEP, Name, SHARDS},
        scope::Bump::{self, Expire, Invalidate},
    },
    policy::Policy,
    route::config::RouteConfig,
};
use actix_web::test::TestRequest;
use proptest::prelude::*;

fn snapshot(generations: &Generations, policy: Policy, uri: &'static str) -> Snapshot {
    let config = RouteConfig::new(policy, &[]);
    let request = TestRequest::with_uri(uri).param("id", "7");
    generations.snapshot(config.target(&request.to_http_request()))
}

/// What of these URLs is neither expired nor invalidated by `bump`, which are the same.
fn current<const N: usize>(uris: [&'static str; N], bump: fn(&Generations, Bump)) -> [bool; N] {
    let [expired, invalidated] = [Expire, Invalidate].map(|by| {
        let generations = Generations::new();
        let held = uris.map(|uri| snapshot(&generations, Policy::default().query_all(), uri));
        bump(&generations, by);
        held.map(|snapshot| snapshot.validity() == Validity::Current)
    });
    assert_eq!(expired, invalidated);
    invalidated
}

#[test]
fn all_reaches_everything() {
    let current = current(["/a", "/b?c=1"], Generations::bump_all);
    assert_eq!(current, [false, false]);
}

#[test]
fn a_path_reaches_its_queries_and_no_other_path() {
    let uris = ["/a", "/a?b=1", "/%61?c", "/a/", "/a/b", "/"];
    let current = current(uris, |it, bump| it.bump_path("/a", bump));
    assert_eq!(current, [false, false, false, false, true, true]);
}

#[test]
fn a_path_written_with_a_query_reaches_the_path() {
    let current = current(["/a", "/a%3Fb", "/b"], |it, bump| {
        it.bump_path("/a?b", bump);
    });
    assert_eq!(current, [false, false, true]);
}

#[test]
fn a_url_reaches_its_own_query_in_any_order() {
    let uris = ["/a?b=1&c=2", "/a?c=2&b=1", "/a?b=1", "/a"];
    let current = current(uris, |it, bump| it.bump_url("/a?c=2&b=1", bump));
    assert_eq!(current, [false, false, true, true]);
}

#[test]
fn a_url_without_a_query_does_not_reach_those_with_one() {
    let current = current(["/a", "/a?b=1"], |it, bump| it.bump_url("/a", bump));
    assert_eq!(current, [false, true]);
}

#[test]
fn a_url_is_named_by_the_pairs_that_each_route_keeps() {
    let generations = Generations::new();
    let narrow = || Policy::default().query(["page"]);
    let wide = snapshot(
        &generations,
        Policy::default().query_all(),
        "/a?page=2&junk=1",
    );
    let narrowed = snapshot(&generations, narrow(), "/a?junk=7&page=2");
    let other = snapshot(&generations, narrow(), "/a?page=3&junk=1");
    generations.bump_url("/a?page=2&junk=1", Invalidate);
    assert!(!wide.is_current() && !narrowed.is_current() && other.is_current());
}

#[test]
fn a_tag_reaches_the_responses_with_it() {
    let generations = Generations::new();
    let tagged = |tags: &[&str]| snapshot(&generations, Policy::default().tags(tags), "/a");
    let [all, one, other] = [&["ids"][..], &["ids", "id:{id}"], &["id:8"]].map(tagged);
    generations.bump_tag("id:7", Expire);
    let validities = [&all, &one, &other].map(Snapshot::validity);
    assert_eq!(
        validities,
        [Validity::Current, Validity::Expired, Validity::Current]
    );
    generations.bump_tag("ids", Invalidate);
    let current = [&all, &one, &other].map(Snapshot::is_current);
    assert_eq!(current, [false, false, true]);
}

#[test]
fn a_tag_is_not_a_path() {
    let generations = Generations::new();
    let tagged = snapshot(&generations, Policy::default().tags(["/b"]), "/a");
    generations.bump_tag("/a", Invalidate);
    generations.bump_path("/b", Invalidate);
    assert_eq!(tagged.validity(), Validity::Current);
}

#[test]
fn a_million_dropped_tags_are_swept() {
    let generations = Generations::new();
    let kept = snapshot(&generations, Policy::default().tags(["id:7"]), "/a");
    for id in 0..1_000_000_u32 {
        if id != 7 {
            drop(generations.names.hold(&Name::Tag(&format!("id:{id}"))));
        }
    }
    assert!(generations.names.len() <= SHARDS * MIN_SWEEP);
    assert!(kept.is_current());
    generations.bump_tag("id:7", Invalidate);
    assert!(!kept.is_current());
}

/// Texts that are alike as paths, URLs, prefixes, routes or tags.
fn text() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "%61", "b", "", "{id}", "7"]);
    let query = prop::sample::select(vec!["", "?x=1", "?x=1&y=2", "?y=2&x=1"]);
    (prop::collection::vec(segment, 1..9), query)
        .prop_map(|(segments, query)| format!("/{}{query}", segments.join("/")))
}

type BumpOne = fn(&Generations, &str, Bump);

fn bump_one() -> impl Strategy<Value = BumpOne> {
    let all: BumpOne = |generations, _, bump| generations.bump_all(bump);
    prop::sample::select(vec![
        all,
        Generations::bump_path,
        Generations::bump_url,
        Generations::bump_prefix,
        Generations::bump_route,
        Generations::bump_tag,
    ])
}

proptest! {
    #[test]
    fn what_outdates_a_snapshot_is_noted_as_bumped(
        uri in text().prop_filter("a URI", |uri| !uri.contains('{') && !uri.starts_with("//")),
        tag in text(),
        (bump, named) in (bump_one(), text()),
    ) {
        let generations = Generations::new();
        let policy = Policy::default().query_all().tags([&tag]);
        let config = RouteConfig::new(policy, &[]);
        let request = TestRequest::with_uri(&uri).param("id", "7").to_http_request();
        let target = config.target(&request);
        let held = generations.snapshot(target);
        let count = process_bumps();
        prop_assert!(!generations.is_bumped_since(count, target));
        bump(&generations, &named, Invalidate);
        prop_assert!(held.is_current() || generations.is_bumped_since(count, target));
    }
}
