use crate::{
    invalidation::scope::{
        Bump::{self, Expire, Invalidate},
        Scope,
    },
    remote::bus::trust::{
        MAX_BYTES, MAX_SCOPES,
        tests::{names, none, tag},
    },
};
use proptest::prelude::*;
use std::collections::HashMap;

#[test]
fn too_many_invalidations_become_one_of_everything() {
    let pending = none();
    let note = |n: usize, bump: Bump| pending.note(tag(&n.to_string()), bump, vec![n.to_string()]);
    let all: Vec<_> = (0..MAX_SCOPES).map(|n| note(n, Expire)).collect();
    assert!(!pending.is_pending(&names(&["another"])));
    let last = note(MAX_SCOPES, Invalidate);

    let noted = pending.unconfirmed();
    let [noted] = &noted[..] else {
        panic!("{} are noted", noted.len())
    };
    assert_eq!((&noted.scope, noted.bump), (&Scope::All, Invalidate));
    assert_eq!(noted.names, ["all"]);
    assert!(pending.is_pending(&names(&["another"])));
    // Confirming each of them does not confirm the one of everything.
    pending.confirm(&all);
    pending.confirm(&[last]);
    assert!(pending.is_pending(&names(&["another"])));
    pending.confirm(std::slice::from_ref(noted));
    assert!(pending.is_empty());
}

#[test]
fn large_invalidations_become_one_of_everything() {
    let long = "x".repeat(64 << 10);
    let pending = none();
    for n in 0..1000 {
        // The newer one of a scope replaces the older one.
        let done = pending.note(tag(&long), Invalidate, names(&["a"]));
        pending.note(tag(&long), Invalidate, names(&["a"]));
        pending.confirm(&[done]);
        assert!(!pending.is_pending(&names(&["another"])), "{n}");
    }
    let all = MAX_BYTES / long.len();
    for n in 0..all {
        pending.note(tag(&format!("{long}{n}")), Invalidate, names(&["b"]));
    }
    assert!(pending.is_pending(&names(&["another"])));
}

#[test]
fn too_many_expiries_become_an_expiry() {
    let pending = none();
    for n in 0..=MAX_SCOPES {
        pending.note(tag(&n.to_string()), Expire, vec![n.to_string()]);
    }
    assert_eq!(pending.unconfirmed()[0].bump, Expire);
}

#[derive(Clone, Debug)]
enum Step {
    Note(u8),
    Confirm(usize),
}

proptest! {
    #[test]
    fn a_name_is_pending_while_the_newest_invalidation_of_it_is_unconfirmed(
        steps in proptest::collection::vec(
            prop_oneof![(0..6u8).prop_map(Step::Note), (0..40usize).prop_map(Step::Confirm)],
            0..40,
        ),
    ) {
        let pending = none();
        // Two scopes share a name.
        let of = |n: u8| vec![format!("stripe {}", n / 2), format!("tag {n}")];
        let (mut all, mut open) = (Vec::new(), HashMap::new());
        for step in steps {
            match step {
                Step::Note(n) => {
                    all.push((n, pending.note(tag(&n.to_string()), Invalidate, of(n))));
                    open.insert(n, all.len() - 1);
                }
                Step::Confirm(index) => {
                    let Some((n, noted)) = all.get(index) else { continue };
                    pending.confirm(std::slice::from_ref(noted));
                    if open.get(n) == Some(&index) {
                        open.remove(n);
                    }
                }
            }
            prop_assert_eq!(pending.is_empty(), open.is_empty());
            prop_assert_eq!(pending.unconfirmed().len(), open.len());
            for n in 0..6 {
                for name in of(n) {
                    let expected = open.keys().any(|n| of(*n).contains(&name));
                    prop_assert_eq!(pending.is_pending(&[name]), expected);
                }
            }
        }
    }
}
