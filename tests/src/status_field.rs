//! `Cache-Status`, read strictly as the structured field that it is (RFC 9211).

use serde_json::Value;
use sfv::{BareItem, List, ListEntry, Parser};

use crate::raw::Head;

/// Member of `Cache-Status` by one cache.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The cache's name.
    pub cache: String,
    /// Its parameters in their order: `hit`, `fwd`, `ttl`, …
    pub parameters: Vec<(String, Value)>,
}

impl Member {
    /// The value of one parameter, `Null` where it is absent.
    pub fn parameter(&self, name: &str) -> Value {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map_or(Value::Null, |(_, value)| value.clone())
    }
}

/// The members of a response's `Cache-Status`; the last one is the cache nearest to the client.
///
/// A field that does not parse, or is no list of named caches, is an error.
pub fn members(head: &Head) -> Result<Vec<Member>, String> {
    let lines: Vec<&[u8]> = head.all("cache-status").collect();
    let field = lines.join(&b", "[..]);
    let list: Result<List, _> = Parser::new(&field).parse();
    let list = list.map_err(|error| format!("{error} in `{}`", field.escape_ascii()))?;
    list.into_iter().map(member).collect()
}

fn member(entry: ListEntry) -> Result<Member, String> {
    let ListEntry::Item(item) = entry else {
        return Err("an inner list is no member of Cache-Status".into());
    };
    let Value::String(cache) = value(&item.bare_item) else {
        return Err(format!("{:?} is no cache's name", item.bare_item));
    };
    let parameters = item.params.iter();
    let parameters = parameters.map(|(key, item)| (key.as_str().to_owned(), value(item)));
    Ok(Member {
        cache,
        parameters: parameters.collect(),
    })
}

fn value(item: &BareItem) -> Value {
    match item {
        BareItem::Boolean(it) => Value::from(*it),
        BareItem::Integer(it) => Value::from(i64::from(*it)),
        BareItem::Token(it) => Value::from(it.as_str()),
        BareItem::String(it) => Value::from(it.as_str()),
        other => Value::from(vec![format!("{other:?}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Head, members};

    fn parsed(lines: &[&str]) -> Result<Vec<super::Member>, String> {
        let field = |line: &&str| ("Cache-Status".to_owned(), line.as_bytes().to_vec());
        members(&Head {
            status: 200,
            fields: lines.iter().map(field).collect(),
        })
    }

    #[test]
    fn several_lines_are_one_list() {
        let caches = parsed(&["upstream; hit", "\"ours\"; fwd=miss; ttl=-3; stored"]).unwrap();
        assert_eq!(caches.len(), 2);
        assert_eq!(caches[1].cache, "ours");
        assert_eq!(caches[1].parameter("fwd"), "miss");
        assert_eq!(caches[1].parameter("ttl"), -3);
        assert_eq!(caches[1].parameter("stored"), true);
        assert!(caches[1].parameter("hit").is_null());
    }

    #[test]
    fn what_is_no_structured_field_is_an_error() {
        for junk in ["ours; Hit", "ours; ttl=", "(ours)", "ours,", "7; hit"] {
            assert!(parsed(&[junk]).is_err(), "{junk}");
        }
    }
}
