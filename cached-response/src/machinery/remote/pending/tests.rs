use super::super::sync::explore;
use super::*;
use Raise::{Expire, Invalidate};
use proptest::prelude::*;
use std::collections::HashMap;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(str::to_owned).collect()
}

fn none() -> Pending {
    Pending::new(names(&["all"]))
}

fn tag(tag: &str) -> Scope {
    Scope::Tag(tag.to_owned())
}

#[test]
fn what_is_noted_is_pending_under_each_of_its_names_until_it_is_confirmed() {
    explore(|| {
        let pending = none();
        assert!(pending.is_empty() && !pending.is_pending(&names(&["a"])));
        let noted = pending.note(tag("a"), Invalidate, names(&["stripe", "a"]));
        for name in ["stripe", "a"] {
            assert!(pending.is_pending(&names(&["other", name])));
        }
        assert!(!pending.is_pending(&names(&["other"])));
        pending.confirm(&[noted]);
        assert!(pending.is_empty() && !pending.is_pending(&names(&["stripe", "a"])));
    });
}

#[test]
fn a_name_that_two_have_is_pending_until_both_are_confirmed() {
    explore(|| {
        let pending = none();
        let one = pending.note(tag("a"), Invalidate, names(&["stripe", "a"]));
        let other = pending.note(tag("b"), Invalidate, names(&["stripe", "b"]));
        pending.confirm(&[one]);
        assert!(pending.is_pending(&names(&["stripe"])));
        assert!(!pending.is_pending(&names(&["a"])));
        pending.confirm(&[other]);
        assert!(!pending.is_pending(&names(&["stripe"])));
    });
}

#[test]
fn the_newest_of_a_scope_is_the_one_to_confirm() {
    explore(|| {
        let pending = none();
        let older = pending.note(tag("a"), Invalidate, names(&["a"]));
        let newer = pending.note(tag("a"), Invalidate, names(&["a"]));
        assert_eq!(pending.unconfirmed(), std::slice::from_ref(&newer));
        pending.confirm(&[older]);
        assert!(pending.is_pending(&names(&["a"])));
        pending.confirm(&[newer]);
        assert!(pending.is_empty());
    });
}

#[test]
fn an_expiry_does_not_weaken_an_invalidation_that_nobody_has_heard_of() {
    explore(|| {
        let pending = none();
        pending.note(tag("a"), Invalidate, names(&["a"]));
        assert_eq!(
            pending.note(tag("a"), Expire, names(&["a"])).raise,
            Invalidate
        );
        pending.note(tag("b"), Expire, names(&["b"]));
        assert_eq!(pending.note(tag("b"), Expire, names(&["b"])).raise, Expire);
    });
}

#[test]
fn they_come_back_oldest_first() {
    explore(|| {
        let pending = none();
        for name in ["c", "a", "b", "c"] {
            pending.note(tag(name), Invalidate, names(&[name]));
        }
        let scopes = pending.unconfirmed().into_iter().map(|noted| noted.scope);
        assert_eq!(scopes.collect::<Vec<_>>(), ["a", "b", "c"].map(tag));
    });
}

#[test]
fn too_many_become_one_of_everything() {
    let pending = none();
    let note = |n: usize, raise| pending.note(tag(&n.to_string()), raise, vec![n.to_string()]);
    let all: Vec<_> = (0..MOST).map(|n| note(n, Expire)).collect();
    assert!(!pending.is_pending(&names(&["another"])));
    let last = note(MOST, Invalidate);

    let noted = pending.unconfirmed();
    let [noted] = &noted[..] else {
        panic!("{} are noted", noted.len())
    };
    assert_eq!((&noted.scope, noted.raise), (&Scope::All, Invalidate));
    assert_eq!(noted.names, ["all"]);
    assert!(pending.is_pending(&names(&["another"])));
    // That each of them is done says nothing of everything.
    pending.confirm(&all);
    pending.confirm(&[last]);
    assert!(pending.is_pending(&names(&["another"])));
    pending.confirm(std::slice::from_ref(noted));
    assert!(pending.is_empty());
}

#[test]
fn too_many_expiries_become_an_expiry() {
    let pending = none();
    for n in 0..=MOST {
        pending.note(tag(&n.to_string()), Expire, vec![n.to_string()]);
    }
    assert_eq!(pending.unconfirmed()[0].raise, Expire);
}

#[derive(Clone, Debug)]
enum Step {
    Note(u8),
    Confirm(usize),
}

proptest! {
    #[test]
    fn a_name_is_pending_if_the_newest_of_a_scope_that_has_it_is_not_confirmed(
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
