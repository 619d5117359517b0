//! Where responses lie: directly under their key, or as variants behind a list of names.
//!
//! Names learnt only from a run (the response's `Vary`, what the handler read through `TrackedRequest`)
//! make a list that is kept under the key; their values select the variant. The list's random id
//! is part of every variant's key, so a list that goes takes all its variants with it. Names are
//! only added.

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
    shelf: &MemoryStore,
    handler: TypeId,
    key: &mut KeyWriter,
    request: &HttpRequest,
) -> Found {
    match shelf.get(&KeyRef::new(handler, key.as_bytes())) {
        Some(Entry::Response(stored)) if is_tried(&stored, request) => Found::Response(stored),
        Some(Entry::Response(_)) => Found::NoVariant,
        None => Found::Nothing,
        Some(Entry::Varies(list)) => {
            let values = vary::values(&list.names, request);
            list.select(list.hash(&values), key);
            match shelf.get(&KeyRef::new(handler, key.as_bytes())) {
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

/// What lies there for a request.
#[derive(Debug)]
pub(crate) enum Found {
    Response(Arc<StoredResponse>),
    NoVariant,
    Nothing,
}

/// Whether the response was computed under these values.
fn is_variant(stored: &StoredResponse, names: &[Selector], values: &[u8]) -> bool {
    let variant = stored.variant.as_ref();
    variant.is_some_and(|variant| *variant.values == *values && variant.names == names)
}

/// Whether `request` has the values that the response was computed under, and takes no coding that was
/// not tried.
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
/// Nothing is stored where a later-started run has stored already, or what was found is older.
pub(crate) fn store(
    shelf: &MemoryStore,
    key: &Key,
    request: &HttpRequest,
    names: &[Selector],
    mut response: StoredResponse,
) -> StoreOutcome {
    let list = match list(shelf, key, names, &response) {
        Place::Key => return put(shelf, key.clone(), response),
        Place::Taken => {
            response.variant = Some(variant(names, request));
            return StoreOutcome::Superseded(Arc::new(response));
        }
        Place::Behind(list) => list,
    };
    let variant = variant(&list.names, request);
    let hash = list.hash(&variant.values);
    let used = list.last_use(hash);
    response.variant = Some(variant);
    response.last_used = Some(used.clone());
    let put = put(shelf, list.variant(key, hash), response);
    if let StoreOutcome::Stored(_) = put
        && let Some(least) = list.hold(hash, used)
    {
        shelf.remove(&list.variant(key, least));
    }
    put
}

/// Whether a response that was computed under `names` is told apart by all that is known to select one
/// under `key`: another process may know of fewer, and its response would answer for all values.
pub(crate) fn names_suffice(shelf: &MemoryStore, key: &Key, names: &[Selector]) -> bool {
    match shelf.get(&key.borrowed()) {
        Some(Entry::Varies(list)) => list.names.iter().all(|name| names.contains(name)),
        Some(Entry::Response(_)) | None => true,
    }
}

/// Takes `stored` from under `key`, which is the whole one; what has replaced it stays.
pub(crate) fn forget(shelf: &MemoryStore, key: &Key, stored: &Arc<StoredResponse>) {
    shelf.remove_same(key, &Entry::Response(stored.clone()));
}

/// What became of a response that was to be stored.
pub(crate) enum StoreOutcome {
    Stored(Arc<StoredResponse>),
    /// A later-started run's response is there; those who waited for this one may have it.
    Superseded(Arc<StoredResponse>),
}

fn variant(names: &[Selector], request: &HttpRequest) -> Variant {
    Variant {
        values: vary::values(names, request),
        names: names.to_vec(),
    }
}

/// Where a response goes.
enum Place {
    /// Directly under its key.
    Key,
    /// Behind this list.
    Behind(Arc<VaryList>),
    /// Nowhere: a later-started run's response lies there.
    Taken,
}

fn list(shelf: &MemoryStore, key: &Key, names: &[Selector], response: &StoredResponse) -> Place {
    let mut place = Place::Key;
    shelf.update(key.clone(), |found| {
        let (kept, change) = match found {
            Some(Entry::Varies(list)) if list.has_room(names) => {
                match list.with(names).map(Arc::new) {
                    Some(longer) => (Place::Behind(longer.clone()), Some(Entry::Varies(longer))),
                    None => (Place::Behind(list.clone()), None),
                }
            }
            _ if names.is_empty() => (Place::Key, None),
            Some(Entry::Response(later)) if later.outranks(response) => (Place::Taken, None),
            // Also where the list is full: what filled it may never be asked for again.
            _ => {
                let list = Arc::new(VaryList::new(names.to_vec()));
                (Place::Behind(list.clone()), Some(Entry::Varies(list)))
            }
        };
        place = kept;
        change
    });
    place
}

/// Puts the response there unless a later-started run's is there.
pub(crate) fn put(shelf: &MemoryStore, key: Key, response: StoredResponse) -> StoreOutcome {
    let response = Arc::new(response);
    let mut stored = false;
    shelf.update(key, |found| match found {
        Some(Entry::Response(later)) if later.outranks(&response) => None,
        // Another run has learnt names meanwhile: without them this one cannot be told apart.
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
