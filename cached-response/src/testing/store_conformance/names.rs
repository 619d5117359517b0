//! Names that differ name different things.

use crate::testing::store_conformance::subject::{HOUR, Subject};

pub(crate) async fn check(subject: &Subject) {
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

fn names(subject: &Subject) -> Vec<String> {
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
    // The only one that is not of this run's own.
    names.push("~".to_owned());
    names
}
