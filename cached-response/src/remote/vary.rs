//! The list of names that variants lie behind in the store.

use crate::{
    entry::codec::{self, Decoded, NameList},
    invalidation::nonce::Nonce,
    key::vary::{self, Selector, Variant},
    remote::{entry_key::RemoteKey, prepared_write::PreparedWrite},
    store::{Store, error::StoreError},
};
use actix_web::HttpRequest;
use std::time::Duration;

/// More names than this do not select a variant.
const LONGEST_LIST: usize = 32;

/// What a variant goes behind.
pub(crate) struct VaryTarget {
    /// What was there before the run.
    seen: Option<NameList>,
    list: NameList,
    pub(crate) variant: Variant,
}

impl VaryTarget {
    /// The list that a variant goes behind where `there` lies one now; `None` where it cannot be told
    /// by which names another process has told its own apart meanwhile.
    pub(crate) fn agreed(&self, there: Option<&NameList>) -> Option<NameList> {
        let names = self.list.names.clone();
        match (there, &self.seen) {
            // What lay behind one that has gone does not come back.
            (None, _) => Some(NameList {
                id: Nonce::random(),
                names,
            }),
            (Some(there), Some(seen)) if there == seen => Some(self.list.clone()),
            (Some(there), _) if names.starts_with(&there.names) => Some(NameList {
                id: there.id,
                names,
            }),
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(self.list.clone()),
        }
    }
}

/// The list that lies there, and how long it will.
pub(crate) async fn there(
    store: &dyn Store,
    base: &RemoteKey,
) -> Result<Option<(NameList, Duration)>, StoreError> {
    let Some(kept) = store.get(&base.name, base.longest).await? else {
        return Ok(None);
    };
    Ok(match codec::read(&base.full_key, &kept.bytes) {
        Some(Decoded::Names(list)) => Some((list, kept.left)),
        _ => None,
    })
}

impl PreparedWrite {
    /// What a response with these names goes behind: the list that was there, with more names where it
    /// lacks any.
    pub(crate) fn behind(&self, names: &[Selector], request: &HttpRequest) -> VaryTarget {
        let mut list = NameList {
            id: Nonce::random(),
            names: Vec::new(),
        };
        if let Some(known) = &self.list {
            let added = names.iter().filter(|name| !known.names.contains(name));
            if known.names.len() + added.count() <= LONGEST_LIST {
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
        VaryTarget {
            seen: self.list.clone(),
            list,
            variant,
        }
    }
}
