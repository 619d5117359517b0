//! Where the response has the say.

use super::*;

/// RFC 9111 §4.2.
#[test]
fn under_the_lifetime_of_the_response_a_timeout_of_the_handler_counts_from_now() {
    let fields = [("cache-control", "max-age=60"), ("age", "20")];
    let policy = Policy::from_response().status_for(404, 5);
    let config = RouteConfig::new(policy.clone(), &[]);
    for (status, said, lifetime) in [
        (200, None, 60),
        (200, Some(5), 25),
        (404, None, 25),
        (404, Some(9), 29),
    ] {
        let said = said.map(Duration::from_secs);
        let Ok(storable) = verdict(policy.clone(), status, &fields, |_| {}) else {
            panic!("{status} is not stored");
        };
        let Freshness {
            lifetime: read,
            age,
        } = storable
            .freshness(said, || config.policy.timeout.resolve(DEFAULT_TIMEOUT))
            .unwrap();
        assert_eq!((read.as_secs(), age.as_secs()), (lifetime, 20), "{status}");
    }
}

/// RFC 9111 §3.
#[test]
fn under_the_lifetime_of_the_response_any_final_status_is_stored_or_the_named_ones() {
    let fields = [("cache-control", "max-age=60")];
    let some = Policy::from_response().status(404);
    for status in 100..=599 {
        let never = status < 200 || [206, 304, 412, 416, 428, 429, 431, 511].contains(&status);
        let stored = |policy| verdict(policy, status, &fields, |_| {}).is_ok();
        assert_eq!(stored(Policy::from_response()), !never, "{status}");
        assert_eq!(
            stored(some.clone()),
            [200, 404].contains(&status),
            "{status}"
        );
    }
}

#[test]
fn no_cache_forbids_reuse_whatever_lifetime_the_handler_sets() {
    let fields = [("cache-control", "no-cache, max-age=60"), ("etag", "\"a\"")];
    let config = RouteConfig::new(Policy::from_response(), &[]);
    let Ok(storable) = verdict(Policy::from_response(), 200, &fields, |_| {}) else {
        panic!("not stored");
    };
    for said in [None, Some(Duration::from_secs(60))] {
        assert!(
            storable
                .freshness(said, || config.policy.timeout.resolve(DEFAULT_TIMEOUT))
                .unwrap()
                .is_stale()
        );
    }
    let skipped = verdict(Policy::from_response(), 200, &fields[..1], |made| {
        made.handler_ttl = Some(Duration::from_secs(60));
    });
    assert_eq!(skipped, Err(Skip::NoCache));
}

#[test]
fn under_the_lifetime_of_the_response_all_other_rules_hold() {
    let fresh = ("cache-control", "max-age=60");
    for (field, why) in [
        (("set-cookie", "a=1"), Skip::SetCookie),
        (("vary", "*"), Skip::Vary),
        (("content-type", "text/event-stream"), Skip::Endless),
    ] {
        let verdict = verdict(Policy::from_response(), 200, &[fresh, field], |_| {});
        assert_eq!(verdict, Err(why));
    }
    let authorized = verdict(Policy::from_response(), 200, &[fresh], |made| {
        made.authorized = true;
    });
    assert_eq!(authorized, Err(Skip::Authorization));
}

/// So many members of a field that a reader in quadratic time would not end.
#[test]
fn a_field_of_many_members_is_read_in_linear_time() {
    const TIMEOUT: Duration = Duration::from_secs(20);
    let many = |member: &dyn Fn(u32) -> String| (0..300_000).map(member).collect::<Vec<_>>();
    let names = many(&|n| format!("a{n}")).join(",");
    let withheld = many(&|n| format!("private=\"a{n}\"")).join(",");
    let (lives, stale) = (("cache-control", "max-age=60"), ("expires", "0"));
    for (name, value, other, why) in [
        ("vary", names.clone(), lives, Skip::VaryNames),
        ("cdn-cache-control", names, lives, Skip::Lifetime),
        ("cache-control", withheld, stale, Skip::Expired),
    ] {
        let (done, read) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let policy = Policy::from_response().targeted("cdn-cache-control");
            let _ = done.send(verdict(policy, 200, &[(name, &value), other], |_| {}));
        });
        let read = read.recv_timeout(TIMEOUT);
        assert_eq!(read, Ok(Err(why)), "{name}");
    }
}
