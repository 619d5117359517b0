//! Targeted cache control (RFC 9213): a field for this cache alone, which is a dictionary of
//! structured values (RFC 9651).

use crate::http::{
    cache_control::{CacheControl, MAX_DELTA_SECONDS, Strictness, field_names},
    fields::lines,
};
use actix_web::http::header::{self, HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use std::time::Duration;

/// Reads the targeted field where it is present and valid (RFC 9213 §2.2), and `Cache-Control`
/// otherwise.
pub(crate) fn effective(headers: &HeaderMap, targeted: Option<&HeaderName>) -> CacheControl {
    targeted
        .and_then(|name| parse(lines(headers, name)))
        .unwrap_or_else(|| {
            let lines = lines(headers, &header::CACHE_CONTROL);
            CacheControl::parse(lines, Strictness::Rfc9111)
        })
}

/// Parses a targeted field; `None` where it is absent, empty, or no dictionary (RFC 9213 §2.1).
fn parse<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<CacheControl> {
    let field = lines.collect::<Vec<_>>().join(&b", "[..]);
    let members: Dictionary = Parser::new(&field).parse().ok()?;
    if members.is_empty() {
        return None;
    }
    let mut read = CacheControl {
        targeted: true,
        ..CacheControl::default()
    };
    for (name, entry) in &members {
        if let ListEntry::Item(item) = entry {
            apply(&mut read, name.as_str(), &item.bare_item);
        }
    }
    Some(read)
}

/// Applies one directive. One with a value of another type than its own is ignored.
fn apply(read: &mut CacheControl, name: &str, value: &BareItem) {
    match value {
        BareItem::Boolean(value) => apply_flag(read, name, *value),
        BareItem::String(names) => match name {
            "private" => read.private.add(field_names(names.as_str())),
            "no-cache" => read.no_cache.add(field_names(names.as_str())),
            _ => {}
        },
        BareItem::Integer(seconds) => {
            let lifetime = match name {
                "max-age" => &mut read.max_age,
                "s-maxage" => &mut read.s_maxage,
                "stale-while-revalidate" => &mut read.stale_while_revalidate,
                "stale-if-error" => &mut read.stale_if_error,
                _ => return,
            };
            // RFC 9111 §1.2.2; a negative number is as good as zero.
            let seconds = u64::try_from(i64::from(*seconds)).unwrap_or(0);
            *lifetime = Some(Duration::from_secs(seconds.min(MAX_DELTA_SECONDS)));
        }
        _ => {}
    }
}

fn apply_flag(read: &mut CacheControl, name: &str, value: bool) {
    match name {
        "private" if value => read.private.add(None),
        "no-cache" if value => read.no_cache.add(None),
        "no-store" => read.no_store = value,
        "public" => read.public = value,
        "must-understand" => read.must_understand = value,
        "must-revalidate" => read.must_revalidate = value,
        "proxy-revalidate" => read.proxy_revalidate = value,
        _ => {}
    }
}

#[cfg(test)]
mod tests;
