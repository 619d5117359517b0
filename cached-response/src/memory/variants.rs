//! Variants (RFC 9111 §4.1): a response is stored under its key, or as a variant behind a list of
//! names.
//!
//! Names that only a run reveals (the response's `Vary`, the fields that the handler read through
//! `TrackedRequest`) make a list that is stored under the key; their values select the variant. The
//! random id of the list is part of the key of each variant, so removing the list removes all of them.
//! Names are only added.

use crate::{
    entry::StoredResponse,
    http::{content_coding, fields::lines},
    key::{
        Key, KeyRef, KeyWriter,
        vary::{self, Selector, Variant},
    },
    memory::{
        MemoryStore,
        entry::{Entry, VaryList},
    },
};
use actix_web::{HttpRequest, http::header};
use std::{any::TypeId, sync::Arc};

/// Finds the response that `request` selects under the key in `key`; completes the key with the
/// variant's fields where there is a list.
pub(crate) fn find(
    memory: &MemoryStore,
    handler: TypeId,
    key: &mut KeyWriter,
    request: &HttpRequest,
) -> Found {
    match memory.get(&KeyRef::new(handler, key.as_bytes())) {
        Some(Entry::Response(stored)) if is_tried(&stored, request) => Found::Response(stored),
        Some(Entry::Response(_)) => Found::NoVariant,
        None => Found::Nothing,
        Some(Entry::Varies(list)) => {
            let values = vary::values(&list.names, request);
            list.select(list.hash(&values), key);
            match memory.get(&KeyRef::new(handler, key.as_bytes())) {
                Some(Entry::Response(stored))
                    if is_variant(&stored, &list.names, &values) && is_tried(&stored, request) =>
                {
                    list.note_use(&stored);
                    Found::Response(stored)
                }
                _ => Found::NoVariant,
            }
        }
    }
}

/// The result of a look-up.
#[derive(Debug)]
pub(crate) enum Found {
    Response(Arc<StoredResponse>),
    NoVariant,
    Nothing,
}

/// Returns true where the response was computed with these values.
fn is_variant(stored: &StoredResponse, names: &[Selector], values: &[u8]) -> bool {
    let variant = stored.variant.as_ref();
    variant.is_some_and(|variant| *variant.values == *values && variant.names == names)
}

/// Returns true where `request` has the values that the response was computed with, and accepts no coding
/// that was not tried.
pub(crate) fn is_selected(stored: &StoredResponse, request: &HttpRequest) -> bool {
    let variant = stored.variant.as_ref();
    variant.is_none_or(|variant| vary::values(&variant.names, request) == variant.values)
        && is_tried(stored, request)
}

/// Returns false where the client of `request` takes a coding that the response could have come in, and
/// has not, because the one it was made for does not take it.
#[inline]
pub(crate) fn is_tried(stored: &StoredResponse, request: &HttpRequest) -> bool {
    stored.codings.is_all()
        || stored.codings.covers(content_coding::accepted(lines(
            request.headers(),
            &header::ACCEPT_ENCODING,
        )))
}

/// Stores a response under `key`, behind a list where it or an earlier one depends on `names`.
/// Nothing is stored where a run that started later has stored a response already.
pub(crate) fn store(
    memory: &MemoryStore,
    key: &Key,
    request: &HttpRequest,
    names: &[Selector],
    mut response: StoredResponse,
) -> StoreOutcome {
    let list = match list(memory, key, names, &response) {
        Placement::Key => return put(memory, key.clone(), response),
        Placement::Superseded => {
            response.variant = Some(variant(names, request));
            return StoreOutcome::Superseded(Arc::new(response));
        }
        Placement::Behind(list) => list,
    };
    let variant = variant(&list.names, request);
    let hash = list.hash(&variant.values);
    let used = list.last_use(hash);
    response.variant = Some(variant);
    response.last_used = Some(used.clone());
    let put = put(memory, list.variant(key, hash), response);
    if let StoreOutcome::Stored(_) = put
        && let Some(least) = list.hold(hash, used)
    {
        memory.remove(&list.variant(key, least));
    }
    put
}

/// Returns true where `names` include every name that selects a variant of `key`. Another process may
/// know of fewer, and its response would be reused for all values.
pub(crate) fn names_suffice(memory: &MemoryStore, key: &Key, names: &[Selector]) -> bool {
    match memory.get(&key.borrowed()) {
        Some(Entry::Varies(list)) => list.names.iter().all(|name| names.contains(name)),
        Some(Entry::Response(_)) | None => true,
    }
}

/// Removes `stored` from under its complete `key`, unless it has been replaced.
pub(crate) fn remove(memory: &MemoryStore, key: &Key, stored: &Arc<StoredResponse>) {
    memory.remove_same(key, &Entry::Response(stored.clone()));
}

/// The result of storing a response.
pub(crate) enum StoreOutcome {
    Stored(Arc<StoredResponse>),
    /// A run that started later has stored its response; the waiters of this run may use this one.
    Superseded(Arc<StoredResponse>),
}

fn variant(names: &[Selector], request: &HttpRequest) -> Variant {
    Variant {
        values: vary::values(names, request),
        names: names.to_vec(),
    }
}

/// The placement of a response.
enum Placement {
    /// Directly under its key.
    Key,
    /// A variant behind this list.
    Behind(Arc<VaryList>),
    /// Nowhere: a run that started later has stored its response.
    Superseded,
}

fn list(
    memory: &MemoryStore,
    key: &Key,
    names: &[Selector],
    response: &StoredResponse,
) -> Placement {
    let mut placement = Placement::Key;
    memory.update(key.clone(), |found| {
        let (kept, change) = match found {
            Some(Entry::Varies(list)) if list.has_room(names) => {
                match list.with(names).map(Arc::new) {
                    Some(longer) => (
                        Placement::Behind(longer.clone()),
                        Some(Entry::Varies(longer)),
                    ),
                    None => (Placement::Behind(list.clone()), None),
                }
            }
            _ if names.is_empty() => (Placement::Key, None),
            Some(Entry::Response(later)) if later.outranks(response) => {
                (Placement::Superseded, None)
            }
            // Also where the list is full: its names may never occur again.
            _ => {
                let list = Arc::new(VaryList::new(names.to_vec()));
                (Placement::Behind(list.clone()), Some(Entry::Varies(list)))
            }
        };
        placement = kept;
        change
    });
    placement
}

/// Stores the response under `key`, unless a run that started later has done so.
pub(crate) fn put(memory: &MemoryStore, key: Key, response: StoredResponse) -> StoreOutcome {
    let response = Arc::new(response);
    let mut stored = false;
    memory.update(key, |found| match found {
        Some(Entry::Response(later)) if later.outranks(&response) => None,
        // Another run has added names meanwhile, which select a variant.
        Some(Entry::Varies(_)) => None,
        _ => {
            stored = true;
            Some(Entry::Response(response.clone()))
        }
    });
    if stored {
        StoreOutcome::Stored(response)
    } else {
        StoreOutcome::Superseded(response)
    }
}

#[cfg(test)]
mod tests;
