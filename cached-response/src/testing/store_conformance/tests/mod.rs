//! The suite must pass for stores without a fault and report each planted one.

mod faulty;

use super::{check_handles, check_store};
use crate::{
    store::{Store, StoreFuture, StoredValue},
    testing::{
        in_process_store::InProcessStore,
        store_conformance::tests::faulty::{Fault, Faulty},
    },
};
use actix_web::web::Bytes;
use std::time::Duration;

/// Store with `get`, `set` and `delete` alone.
struct Minimal(InProcessStore);

impl Store for Minimal {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        self.0.get(name, limit)
    }

    fn set<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, ()> {
        self.0.set(name, bytes, timeout)
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        self.0.delete(name)
    }
}

#[actix_web::test]
async fn the_in_process_store_passes() {
    check_store(InProcessStore::new()).await;
}

#[actix_web::test]
async fn two_handles_on_one_store_pass() {
    let store = InProcessStore::new();
    check_handles(store.clone(), store).await;
}

#[actix_web::test]
#[should_panic(expected = "nothing was found")]
async fn two_stores_are_not_two_handles_on_one() {
    check_handles(InProcessStore::new(), InProcessStore::new()).await;
}

#[actix_web::test]
async fn a_store_of_three_methods_passes() {
    check_store(Minimal(InProcessStore::new())).await;
}

/// Returns the report of the suite on a store with this fault, if there is one.
async fn report(fault: Fault) -> Option<String> {
    let checked = actix_web::rt::spawn(check_store(Faulty::new(fault))).await;
    let panic = checked.err()?.into_panic();
    let message = panic.downcast_ref::<String>().cloned();
    Some(message.unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap()).to_owned()))
}

#[actix_web::test]
async fn each_planted_fault_is_reported_and_named() {
    let expected = [
        (Fault::ForgetsTimeouts, "`left` is"),
        (Fault::ZeroIsForEver, "`left` is"),
        (Fault::LivesTooLong, "is still there"),
        (Fault::SaysTooMuchIsLeft, "must never say more"),
        (Fault::ForgetsLongLives, "`None`: it is gone"),
        (
            Fault::CutsWhatIsLong,
            "76800 bytes were set, and 65536 found",
        ),
        (Fault::IgnoresTheLimit, "with a limit of 0"),
        (
            Fault::LosesWhatIsEmpty,
            "0 bytes were set, and nothing was found",
        ),
        (
            Fault::KeepsWhatWasTooLargeToReplace,
            "3 bytes were found after `set` of 1 MiB",
        ),
        (Fault::DoesNotDelete, "after it was deleted"),
        (Fault::RemembersWhatItRead, "after it was deleted"),
        (Fault::MixesLongNames, "is another than all others"),
        (Fault::MixesCases, "is another than all others"),
        (Fault::RevivesInEnsure, "`ensure` has put it back"),
        (Fault::RevivesInARace, "`ensure` has put it back"),
        (
            Fault::EnsuresTooShortly,
            "makes a life longer where it must be",
        ),
        (
            Fault::AddsOverWhatIsThere,
            "`add` of \"first\" and then \"second\"",
        ),
        (Fault::GetsManyInAnotherOrder, "in the order of the names"),
        (Fault::HangsAfterADrop, "out of step"),
        (Fault::FailsNowAndThen, "`set` has failed"),
        (Fault::TellsOnlyOthers, "`Subscription::next` hangs"),
    ];
    let reports =
        expected.map(|(fault, message)| (fault, message, actix_web::rt::spawn(report(fault))));
    for (fault, message, report) in reports {
        let report = report.await.unwrap();
        assert!(
            report
                .as_ref()
                .is_some_and(|report| report.contains(message)),
            "{fault:?} was reported as {report:?}"
        );
    }
}

#[actix_web::test]
async fn a_store_without_a_fault_is_not_reported() {
    assert_eq!(report(Fault::None).await, None);
}
