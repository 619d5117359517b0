//! Methods for several names, and concurrent calls.

use crate::testing::store_conformance::{HOUR, StoreHandles, completes};
use actix_web::web::Bytes;
use std::{future::Future, sync::Arc};
use tokio::task::JoinHandle;

pub(crate) async fn check(subject: &StoreHandles) {
    get_many_and_look_up(subject).await;
    two_hundred_names(subject).await;
    add(subject).await;
    delete_many(subject).await;
    concurrent_calls(subject).await;
}

async fn get_many_and_look_up(subject: &StoreHandles) {
    let names = subject.names(&["many-b", "many-none", "many-a", "many-b"]);
    let short = Bytes::from(vec![7; 64]);
    subject.set(&names[0], short.clone(), HOUR).await;
    subject.set(&names[2], "a", HOUR).await;
    let expected = [Some(short.clone()), None, Some("a".into()), Some(short)];
    let found = completes("get_many", subject.other.get_many(&names)).await;
    assert!(
        found == expected,
        "`get_many` has found {found:?} instead of {expected:?}: it gives what `get` gives, in the \
         order of the names"
    );
    let (value, with) = completes("look_up", subject.other.look_up(&names[0], 3, &names)).await;
    let value = value.map(|value| value.bytes);
    assert!(
        value.as_deref() == Some(&[7; 3]),
        "`look_up` has found {value:?}: it gives what `get` gives, no more than `limit` bytes"
    );
    assert!(
        with == expected,
        "`look_up` has found {with:?} instead of {expected:?}: it gives what `get_many` gives"
    );
    let nothing = completes("look_up", subject.other.look_up(&names[1], 3, &[])).await;
    assert!(
        nothing == (None, Vec::new()),
        "`look_up` of what is absent, with no other names, has found {nothing:?}"
    );
}

async fn two_hundred_names(subject: &StoreHandles) {
    let name = |number: usize| subject.name(&format!("of-many-{number}"));
    let names: Vec<_> = (0..200).map(name).collect();
    let value = |number: usize| Bytes::from(number.to_string());
    for (number, name) in names.iter().enumerate().step_by(2) {
        subject.set(name, value(number), HOUR).await;
    }
    let found = completes("get_many", subject.other.get_many(&names)).await;
    let is_right = |(number, found): (usize, &Option<Bytes>)| {
        *found == (number % 2 == 0).then(|| value(number))
    };
    assert!(
        found.len() == 200 && found.iter().enumerate().all(is_right),
        "of 200 names each other one was set, and `get_many` does not find just these"
    );
    completes("delete_many", subject.one.delete_many(&names)).await;
    let found = completes("get_many", subject.other.get_many(&names)).await;
    assert!(
        found.iter().all(Option::is_none),
        "`delete_many` of 200 names has left some of them there"
    );
}

async fn add(subject: &StoreHandles) {
    let name = subject.name("added");
    let add = |value: &'static str| completes("add", subject.one.add(&name, value.into(), HOUR));
    let first = add("first").await;
    let second = add("second").await;
    let found = subject.bytes(&name).await;
    assert!(
        first == "first" && second == "first" && found.as_deref() == Some(b"first"),
        "`add` of \"first\" and then \"second\" gave {first:?} and {second:?}, and {found:?} is \
         stored: it stores bytes unless a value is stored, and returns the stored value"
    );
    subject.delete(&name).await;
    let third = add("third").await;
    let found = subject.bytes(&name).await;
    assert!(
        third == "third" && found.as_deref() == Some(b"third"),
        "`add` of \"third\" after a `delete` gave {third:?}, and {found:?} is stored"
    );
    subject.delete(&name).await;
}

async fn delete_many(subject: &StoreHandles) {
    let names = subject.names(&["many-a", "many-none", "many-b"]);
    completes("delete_many", subject.one.delete_many(&names[..2])).await;
    let left = completes("get_many", subject.other.get_many(&names)).await;
    assert!(
        left[0].is_none() && left[2].is_some(),
        "`delete_many` of two names has left {left:?}: it deletes them, and no others"
    );
    subject.delete(&names[2]).await;
    completes("delete_many", subject.one.delete_many(&[])).await;
}

async fn concurrent_calls(subject: &StoreHandles) {
    let shared = subject.name("at-once");
    let tasks: Vec<_> = (0..64_u8)
        .map(|number| {
            let own = subject.name(&format!("at-once-{number}"));
            spawn(one_of_many(subject, number, own, shared.clone()))
        })
        .collect();
    for task in tasks {
        if let Err(error) = task.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    subject.delete(&shared).await;
}

fn spawn(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}

fn one_of_many(
    subject: &StoreHandles,
    number: u8,
    own: String,
    shared: String,
) -> impl Future<Output = ()> + Send + 'static {
    let (one, other) = (Arc::clone(&subject.one), Arc::clone(&subject.other));
    async move {
        let value = Bytes::from(vec![number; 1024]);
        for name in [&own, &shared] {
            completes("set", one.set(name, value.clone(), HOUR)).await;
        }
        let found = completes("get", other.get(&own, 2048)).await;
        assert!(
            found.is_some_and(|found| found.bytes == value),
            "of 64 calls at once one has found what another has set under another name"
        );
        let found = completes("get", other.get(&shared, 2048)).await;
        assert!(
            found.is_some_and(|found| {
                found.bytes.len() == 1024 && found.bytes.iter().all(|byte| *byte == found.bytes[0])
            }),
            "of what 64 calls have set under one name at once, something mixed was found"
        );
        completes("delete", one.delete(&own)).await;
    }
}
