//! What a request is about, in the words of the remote store.

use crate::{
    ground::{nonce::Nonce, selector::Variant},
    judgement::remote_name::{FullDigest, Namespace},
    machinery::{generations::Target, site::Site},
};

/// The names of what a run may find or make there.
#[derive(Debug)]
pub(crate) struct Errand {
    /// What is compared on every read.
    pub(crate) full_key: Vec<u8>,
    pub(crate) name: String,
    path: String,
    /// Of the nonces, and of the lease on the run.
    beside: Vec<String>,
    /// So many bytes are read of what lies there.
    pub(crate) longest: usize,
}

/// A response with a longer head is not worth keeping.
const LONGEST_HEAD: usize = 64 << 10;

impl Errand {
    /// The errand of a request or a value with this key; `None` where it cannot have its tags, so
    /// that nothing is stored for it.
    pub(crate) fn of(
        namespace: &Namespace,
        site: &Site,
        key: &[u8],
        target: Target<'_>,
        longest_body: usize,
    ) -> Option<Self> {
        let tags = target.tags().ok()?;
        let tags = tags.iter().map(|tag| namespace.tag(tag));
        let full_key = namespace.full_key(site.identity(), key);
        let digest = FullDigest::of(&full_key);
        let (path, mut nonces) = match target {
            Target::Response { terms, request } => (
                request.uri().path(),
                namespace.of_target(terms, request.uri()).to_vec(),
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
        })
    }

    /// One that is called so, and nothing else.
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        Self {
            full_key: Vec::new(),
            name: name.to_owned(),
            path: String::new(),
            beside: Vec::new(),
            longest: 0,
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
            full_key,
            beside,
        }
    }
}
