//! Single values and their names, methods for several names, and concurrent calls.

use crate::{
    store::StoreFuture,
    testing::store_conformance::{ALL, HOUR, StoreHandles, completes},
};
use actix_web::web::Bytes;
use std::{future::Future, sync::Arc};
use tokio::task::JoinHandle;

pub(crate) async fn check(subject: &StoreHandles) {
    any_bytes(subject).await;
    limits(subject).await;
    replaced(subject).await;
    deleted(subject).await;
    large(subject).await;
}

async fn any_bytes(subject: &StoreHandles) {
    let every: Vec<u8> = (0..=u8::MAX).collect();
    let values = [
        Bytes::new(),
        Bytes::from_static(b"1"),
        Bytes::from_static(b"\r\nEND\r\n$-1\r\n"),
        Bytes::from(every.repeat(300)),
        Bytes::from(every),
    ];
    for value in values {
        let name = subject.name(&format!("value-{}", value.len()));
        subject.set(&name, value.clone(), HOUR).await;
        let found = subject.bytes(&name).await;
        assert!(
            found.as_ref() == Some(&value),
            "{} bytes were set, and {} found: `get` gives the bytes that were set, of any value, \
             also where there are none of them",
            value.len(),
            found.map_or_else(|| "nothing was".into(), |found| found.len().to_string()),
        );
        subject.delete(&name).await;
    }
}

async fn limits(subject: &StoreHandles) {
    let name = subject.name("limits");
    subject.set(&name, "0123456789", HOUR).await;
    for limit in [0, 1, 9, 10, 11, ALL] {
        let found = subject.value(&name, limit).await.map(|value| value.bytes);
        let expected = &b"0123456789"[..limit.min(10)];
        assert!(
            found.as_deref() == Some(expected),
            "with a limit of {limit}, {found:?} was found of \"0123456789\": `get` gives no more \
             than the first `limit` bytes, and no less where there are as many"
        );
    }
    subject.delete(&name).await;
}

async fn replaced(subject: &StoreHandles) {
    let name = subject.name("replaced");
    subject.set(&name, "the old and longer one", HOUR).await;
    subject.set(&name, "new", HOUR).await;
    let found = subject.bytes(&name).await;
    assert!(
        found.as_deref() == Some(b"new"),
        "{found:?} was found where \"new\" was set last: `set` replaces the stored value"
    );
    subject.delete(&name).await;
}

async fn deleted(subject: &StoreHandles) {
    let name = subject.name("deleted");
    let absent = subject.bytes(&name).await;
    assert!(
        absent.is_none(),
        "{absent:?} was found where nothing was set: `get` gives `None` there"
    );
    subject.delete(&name).await;
    subject.set(&name, "old", HOUR).await;
    // Read once more, for a store that caches what it reads.
    subject.bytes(&name).await;
    subject.delete(&name).await;
    let found = subject.bytes(&name).await;
    assert!(
        found.is_none(),
        "{found:?} was found after it was deleted: once `delete` is `Ok`, no `get` of any client finds it"
    );
    subject.set(&name, "new", HOUR).await;
    let found = subject.bytes(&name).await;
    assert!(
        found.as_deref() == Some(b"new"),
        "{found:?} was found where \"new\" was set after a `delete`"
    );
    subject.delete(&name).await;
}

/// Checks a large value: a store may refuse it, but may keep neither a part of it nor the value before.
async fn large(subject: &StoreHandles) {
    let name = subject.name("large");
    let value: Bytes = (0..=u8::MAX).cycle().take(1 << 20).collect();
    subject.set(&name, "old", HOUR).await;
    let set: StoreFuture<'_, ()> = Box::pin(async {
        // A store may refuse it.
        drop(subject.one.set(&name, value.clone(), HOUR).await);
        Ok(())
    });
    completes("set", set).await;
    let found = subject.bytes(&name).await;
    assert!(
        found.as_ref().is_none_or(|found| *found == value),
        "{} bytes were found after `set` of 1 MiB in place of 3 bytes: a store may refuse what is \
         large, but then it keeps neither a part nor the value before",
        found.map_or(0, |found| found.len()),
    );
    subject.delete(&name).await;
}

/// Checks that different names refer to different values.
pub(crate) async fn check_names(subject: &StoreHandles) {
    let names = names(subject);
    for (number, name) in names.iter().enumerate() {
        subject.set(name, number.to_string(), HOUR).await;
    }
    for (number, name) in names.iter().enumerate() {
        let found = subject.bytes(name).await;
        assert!(
            found.as_deref() == Some(number.to_string().as_bytes()),
            "{found:?} was found under the name {name:?} of {} bytes, where {:?} was set: any \
             printable name is another than all others",
            name.len(),
            number.to_string()
        );
    }
    for (number, name) in names.iter().enumerate() {
        subject.delete(name).await;
        let found = subject.bytes(name).await;
        assert!(found.is_none(), "{name:?} was deleted, and is still there");
        if let Some(next) = names.get(number + 1) {
            let next_is_there = subject.bytes(next).await.is_some();
            assert!(next_is_there, "to delete {name:?} has deleted {next:?}");
        }
    }
}

fn names(subject: &StoreHandles) -> Vec<String> {
    let long = |length: usize, last: char| {
        let mut name = subject.name("long-");
        name.extend(std::iter::repeat_n('x', length - name.len() - 1));
        name.push(last);
        name
    };
    let mut names = subject.names(&[
        "a b",
        "a  b",
        "a%20b",
        "a+b",
        "a_b",
        "ab",
        "AB",
        "Ab",
        "a/b?c=d&e=f#g",
        "a:b",
        "{a}b",
        "*",
        "a*",
        "ä",
        "a\u{308}",
        "ae",
        "名前",
        "a\"b'c\\d",
    ]);
    names.extend([250, 251, 300, 8192].map(|length| long(length, 'a')));
    names.extend([250, 251, 300, 8192].map(|length| long(length, 'b')));
    // The only name that other runs share.
    names.push("~".to_owned());
    names
}

/// Methods for several names, and concurrent calls.
pub(crate) async fn check_batches(subject: &StoreHandles) {
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
