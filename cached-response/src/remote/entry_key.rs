//! What a request is about, in the words of the remote store.

use crate::{
    entry::{StoredResponse, codec::Decoded},
    invalidation::{
        generation::{Snapshot, Validity},
        generations::{Generations, Target},
        nonce::Nonce,
    },
    key::vary::Variant,
    remote::{
        head_cache::HeadCache,
        names::{FullDigest, Namespace},
    },
    route::Route,
    store::error::Memo,
    util::sync::{Mutex, lock},
};
use actix_web::web::Bytes;

/// The names of what a run may find or make there.
#[derive(Debug)]
pub(crate) struct RemoteKey {
    /// What is compared on every read.
    pub(crate) full_key: Vec<u8>,
    pub(crate) name: String,
    path: String,
    /// Of the nonces, and of the lease on the run.
    beside: Vec<String>,
    /// So many bytes are read of what lies there.
    pub(crate) longest: usize,
    /// Or else of a value, which may be asked for anywhere.
    pub(crate) is_of_a_request: bool,
    /// What a store has made of the look-up of all, and of its beginning.
    memos: [Memo; 2],
    /// What is invalidated of it in this process, as it was lately.
    seen: Mutex<Option<Snapshot>>,
    found: HeadCache,
}

/// A response with a longer head is not worth keeping.
const LONGEST_HEAD: usize = 64 << 10;

impl RemoteKey {
    /// The errand of a request or a value with this key; `None` where it cannot have its tags, so
    /// that nothing is stored for it.
    pub(crate) fn of(
        namespace: &Namespace,
        site: &Route,
        key: &[u8],
        target: Target<'_>,
        longest_body: usize,
    ) -> Option<Self> {
        let tags = target.tags().ok()?;
        let tags = tags.iter().map(|tag| namespace.tag(tag));
        let full_key = namespace.full_key(site.identity(), key);
        let digest = FullDigest::of(&full_key);
        let (path, mut nonces) = match target {
            Target::Response { config, request } => (
                request.uri().path(),
                namespace.of_target(config, request.uri()).to_vec(),
            ),
            Target::Value(_) => ("value", vec![namespace.all()]),
        };
        nonces.extend(tags);
        nonces.push(namespace.lease(&digest));
        Some(Self {
            name: namespace.response(path, &digest),
            path: path.to_owned(),
            longest: longest_body.saturating_add(LONGEST_HEAD + 2 * full_key.len()),
            full_key,
            beside: nonces,
            is_of_a_request: matches!(target, Target::Response { .. }),
            memos: Default::default(),
            seen: Mutex::default(),
            found: HeadCache::default(),
        })
    }

    /// One that is called so, and nothing else.
    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self {
            full_key: Vec::new(),
            name: name.to_owned(),
            path: String::new(),
            beside: Vec::new(),
            longest: 0,
            is_of_a_request: false,
            memos: Default::default(),
            seen: Mutex::default(),
            found: HeadCache::default(),
        }
    }

    /// What is read along with what lies under its name: the nonces, and the lease as the last.
    pub(crate) fn beside(&self) -> &[String] {
        &self.beside
    }

    /// Of the nonces that are known from the request: all, path, URL, and the tags of the route.
    pub(crate) fn nonces(&self) -> &[String] {
        let (_, nonces) = self.beside.split_last().unwrap_or((&self.name, &[]));
        nonces
    }

    /// Of the lease on the run.
    pub(crate) fn lease(&self) -> &str {
        self.beside.last().unwrap_or(&self.name)
    }

    /// Of the look-up of so many bytes: all, or else always the same number.
    pub(crate) fn memo(&self, limit: usize) -> &Memo {
        &self.memos[usize::from(limit != self.longest)]
    }

    /// What is invalidated of it in this process, as it is now.
    pub(crate) fn snapshot(&self, generations: &Generations, target: Target<'_>) -> Snapshot {
        let mut seen = lock(&self.seen);
        match &mut *seen {
            Some(seen) => {
                if seen.validity() != Validity::Current {
                    *seen = seen.again();
                }
                seen.clone()
            }
            unseen => unseen.insert(generations.snapshot(target)).clone(),
        }
    }

    /// What is in the frame that was found for it. None of its bytes are believed for having been seen
    /// before.
    pub(crate) fn framed(&self, frame: &Bytes) -> Option<Decoded> {
        self.found.framed(&self.full_key, frame)
    }

    /// Whether a response with these headers may be stored, as `judge` finds unless it was asked lately.
    /// It must come to the same for the same head.
    pub(crate) fn permits(&self, stored: &StoredResponse, judge: impl FnOnce() -> bool) -> bool {
        self.found.permits(stored, judge)
    }

    /// The errand for one variant behind the list of names that lies under this name.
    pub(crate) fn variant(&self, namespace: &Namespace, list: &Nonce, variant: &Variant) -> Self {
        let mut full_key = self.full_key.clone();
        for part in [list.as_bytes(), &variant.values] {
            full_key.extend((part.len() as u64).to_be_bytes());
            full_key.extend(part);
        }
        let digest = FullDigest::of(&full_key);
        let mut beside = self.nonces().to_vec();
        beside.push(namespace.lease(&digest));
        Self {
            name: namespace.response(&self.path, &digest),
            path: self.path.clone(),
            longest: self.longest,
            is_of_a_request: self.is_of_a_request,
            memos: Default::default(),
            seen: Mutex::default(),
            found: HeadCache::default(),
            full_key,
            beside,
        }
    }
}
