//! Lists of names by which variants are selected in the store.

use crate::{
    entry::codec::{self, Decoded, NameList},
    invalidation::nonce::Nonce,
    key::vary::{self, Selector, Variant},
    remote::entry_key::RemoteKey,
    store::{Store, StoreError},
};
use actix_web::HttpRequest;
use std::time::Duration;

/// Maximum number of names by which a variant is selected.
const MAX_NAMES: usize = 32;

/// List and variant under which a response is written.
pub(crate) struct VaryTarget {
    /// List that was stored before the run.
    before_run: Option<NameList>,
    list: NameList,
    pub(crate) variant: Variant,
}

impl VaryTarget {
    /// Selects the variant of a response with these names: by the list that is known, extended by the
    /// names that it lacks.
    pub(crate) fn new(known: Option<&NameList>, names: &[Selector], request: &HttpRequest) -> Self {
        let mut list = NameList {
            id: Nonce::random(),
            names: Vec::new(),
        };
        if let Some(known) = known {
            let added = names.iter().filter(|name| !known.names.contains(name));
            if known.names.len() + added.count() <= MAX_NAMES {
                list = known.clone();
            }
        }
        for name in names {
            if !list.names.contains(name) {
                list.names.push(name.clone());
            }
        }
        let variant = Variant {
            values: vary::values(&list.names, request),
            names: list.names.clone(),
        };
        Self {
            before_run: known.cloned(),
            list,
            variant,
        }
    }

    /// Returns the list to write under, given the one that is `stored` now; `None` if another process
    /// has meanwhile stored one by which the variant cannot be selected.
    pub(crate) fn agreed(&self, stored: Option<&NameList>) -> Option<NameList> {
        let names = self.list.names.clone();
        match (stored, &self.before_run) {
            // A new id: the variants of a list that was deleted must not reappear.
            (None, _) => Some(NameList {
                id: Nonce::random(),
                names,
            }),
            (Some(stored), Some(before)) if stored == before => Some(self.list.clone()),
            (Some(stored), _) if names.starts_with(&stored.names) => Some(NameList {
                id: stored.id,
                names,
            }),
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(self.list.clone()),
        }
    }
}

/// Reads the list that is stored under a key, and its remaining lifetime.
pub(crate) async fn stored_list(
    store: &dyn Store,
    key: &RemoteKey,
) -> Result<Option<(NameList, Duration)>, StoreError> {
    let Some(value) = store.get(&key.name, key.max_bytes).await? else {
        return Ok(None);
    };
    Ok(match codec::read(&key.full_key, &value.bytes) {
        Some(Decoded::Names(list)) => Some((list, value.left)),
        _ => None,
    })
}
