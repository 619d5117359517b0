//! Single values and their names.

use crate::{
    store::StoreFuture,
    testing::store_conformance::{ALL, HOUR, StoreHandles, completes},
};
use actix_web::web::Bytes;

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
