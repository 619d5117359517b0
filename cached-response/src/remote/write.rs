//! Writing an entry: preconditions that are read before the run, and the write after the response.
//!
//! All that a response depends on is read before its run starts and is written with it; a reader
//! compares it. So it does not matter when the entry arrives in the store.

use crate::{
    entry::{
        Nonces, StoredResponse,
        codec::{self, NameList, head::Metadata},
    },
    invalidation::{nonce::Nonce, registry::stripe},
    metrics::reason::Skip,
    remote::{
        CallError, RemoteTier,
        client::Budget,
        entry_key::{RemoteKey, VaryTarget, stored_list},
        lease::{Lease, LeaseOutcome, claim, take_lease},
        read::Fetched,
    },
    store::{Store, StoreError, StoreErrorKind, StoreFuture, warn_of_foreign_value},
    time::Timestamp,
};
use actix_web::{HttpRequest, web::Bytes};
use futures_util::future::join3;
use std::{sync::Arc, time::Duration};

/// Lifetime of the nonces of tag stripes: longer than any run.
const STRIPE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Lifetime of a nonce beyond that of the response which is yet to be made.
const NONCE_SLACK: Duration = Duration::from_secs(60);

/// Bound on the lifetime of an entry.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Preconditions of an entry, read before the run that makes it.
#[derive(Debug)]
pub(crate) struct PreparedWrite {
    remote: Arc<RemoteTier>,
    key: Arc<RemoteKey>,
    nonces: Vec<Nonce>,
    /// Time by which they were read.
    read_by: Timestamp,
    /// Minimum lifetime of the nonces from the start of the run.
    nonce_lifetime: Duration,
    /// Nonces of the tag stripes, where the handler is known to set tags.
    stripes: Option<Vec<Option<Bytes>>>,
    /// Names that select a variant.
    list: Option<NameList>,
    /// Released when the entry is written, or there is none.
    lease: Option<Lease>,
}

/// Run for which a write is prepared.
pub(crate) struct WriteRequest<'a> {
    pub(crate) key: Arc<RemoteKey>,
    /// Result of the look-up.
    pub(crate) fetched: Fetched,
    /// Expected lifetime of the response.
    pub(crate) lifetime: Duration,
    /// True if the handler is known to set tags.
    pub(crate) sets_tags: bool,
    /// True if other nodes are to wait for the run.
    pub(crate) takes_lease: bool,
    pub(crate) budget: &'a Budget,
}

/// Outcome of preparing a write.
pub(crate) enum Prepared {
    /// The run may start.
    Run(Box<PreparedWrite>),
    /// Another node holds the lease.
    LeaseTaken,
}

/// Response that a run has made.
pub(crate) struct NewEntry<'a> {
    pub(crate) stored: Arc<StoredResponse>,
    /// Request that selects a variant, where responses may vary.
    pub(crate) request: Option<&'a HttpRequest>,
    /// Tags that the handler has set.
    pub(crate) tags: Vec<String>,
}

impl PreparedWrite {
    /// Reads all that the response of a run will depend on; to be called before the run starts.
    pub(crate) async fn prepare(
        remote: &Arc<RemoteTier>,
        request: WriteRequest<'_>,
    ) -> Result<Prepared, CallError> {
        let read = |preparation: Preparation| {
            let call = |store| -> StoreFuture<'static, Preconditions> {
                Box::pin(preparation.read_preconditions(store))
            };
            remote.client.call(request.budget, call)
        };
        let preparation = Preparation::of(remote, &request);
        let nonce_lifetime = preparation.nonce_lifetime;
        let preconditions = match read(preparation).await {
            // The connection may have been closed long since. Nonces that were sent are not sent again: they may
            // have been stored, and deleted by an invalidation.
            Err(CallError::Failed(error)) if error.kind() == StoreErrorKind::Unreachable => {
                read(Preparation::of(remote, &request)).await?
            }
            result => result?,
        };
        let Preconditions {
            nonces,
            lease,
            stripes,
        } = preconditions;
        let WriteRequest { key, fetched, .. } = request;
        let lease = match lease {
            LeaseOutcome::Taken => return Ok(Prepared::LeaseTaken),
            LeaseOutcome::Held(lease) => Some(lease),
            LeaseOutcome::None => None,
        };
        let nonces = parse_nonces(&nonces).ok_or_else(foreign_values)?;
        Ok(Prepared::Run(Box::new(Self {
            remote: remote.clone(),
            nonces,
            read_by: remote.clock.now(),
            key,
            nonce_lifetime,
            stripes,
            list: fetched.list,
            lease,
        })))
    }

    /// Ends the write of a response that is not stored. If the next one will not be stored either, other
    /// nodes do not wait for it.
    pub(crate) fn not_stored(self, reason: Skip) {
        if reason.prevents_coalescing()
            && let Some(lease) = self.lease
        {
            lease.mark_uncacheable();
        }
    }

    /// Returns whether the nonces are those that were read earlier: nothing that the response depends
    /// on was invalidated in between.
    pub(crate) fn has_nonces(&self, earlier: Option<&[Nonce]>) -> bool {
        earlier == Some(&self.nonces)
    }

    /// Returns whether a response with these tags of its handler may be written: their stripes were read
    /// before the run.
    pub(crate) fn has_stripes_of(&self, tags: &[String]) -> bool {
        self.stripes_of(tags).is_some()
    }

    /// Returns the stripes of these tags as they were before the run; `None` if one was not read.
    fn stripes_of(&self, tags: &[String]) -> Option<Vec<(String, Nonce)>> {
        let stripes = tags.iter().map(|tag| {
            let stripe = stripe(tag);
            let before = self.stripes.as_ref()?.get(stripe)?.as_deref()?;
            let name = self.remote.namespace.stripe(stripe);
            Some((name, Nonce::from_slice(before)?))
        });
        stripes.collect()
    }

    /// Notes the nonces of a response that is not written because its arguments may be older: they are
    /// older than those of the next run, whose response may be written under them.
    pub(crate) fn note_nonces(&self, stored: &StoredResponse) {
        stored.nonces.note(Nonces {
            read_by: self.read_by,
            may_be_newer: true,
            known: self.nonces.as_slice().into(),
            named: Vec::new(),
        });
    }

    /// Queues the write of the response that the run has made.
    pub(crate) fn enqueue(self, entry: NewEntry<'_>) {
        let queue = self.remote.write_queue.clone();
        let NewEntry {
            stored,
            request,
            tags,
        } = entry;
        let names = stored.variant.as_ref();
        let names = names.map_or(&[][..], |variant| &variant.names);
        let vary = match request {
            Some(request) if self.list.is_some() || !names.is_empty() => {
                Some(VaryTarget::new(self.list.as_ref(), names, request))
            }
            _ => None,
        };
        let Some(stripes) = self.stripes_of(&tags) else {
            return;
        };
        stored.nonces.note(Nonces {
            read_by: self.read_by,
            may_be_newer: false,
            known: self.nonces.as_slice().into(),
            named: stripes.clone(),
        });
        let write = EntryWrite {
            prepared: self,
            tags,
            stripes,
            vary,
            stored,
        };
        queue.push(write.stored.weight(), |store| {
            Box::pin(async move { write.run(&*store).await })
        });
    }

    /// Queues the deletion of the entry that this run was to replace and that its handler has outdated.
    /// Where its variant is not known, all variants are deleted.
    pub(crate) fn delete_outdated(&self, stored: &StoredResponse) {
        let name = match (&self.list, &stored.variant) {
            (Some(list), Some(variant)) if list.names == variant.names => {
                let namespace = &self.remote.namespace;
                self.key.variant(namespace, &list.id, variant).name
            }
            _ => self.key.name.clone(),
        };
        self.remote.write_queue.push(name.len(), |store| {
            Box::pin(async move { store.delete(&name).await })
        });
    }
}

/// Call that reads the preconditions of a write in one round trip.
struct Preparation {
    nonces: Vec<(String, Bytes)>,
    nonce_lifetime: Duration,
    lease: Option<(Lease, Bytes)>,
    lease_ttl: Duration,
    stripe_names: Option<Vec<String>>,
}

struct Preconditions {
    nonces: Vec<Bytes>,
    lease: LeaseOutcome,
    stripes: Option<Vec<Option<Bytes>>>,
}

impl Preparation {
    fn of(remote: &RemoteTier, request: &WriteRequest<'_>) -> Self {
        let WriteRequest { key, fetched, .. } = request;
        let (nonces, expected) = offered_nonces(key.nonce_names(), fetched.nonces());
        let lease = request.takes_lease.then(|| {
            let key = fetched.variant.as_ref().unwrap_or(key);
            let lease = Lease::new(key.lease_name().to_owned(), &remote.write_queue);
            (lease, claim(&expected))
        });
        Self {
            nonces,
            nonce_lifetime: request
                .lifetime
                .saturating_add(NONCE_SLACK)
                .min(MAX_LIFETIME),
            lease,
            lease_ttl: remote.lease_ttl,
            stripe_names: request.sets_tags.then(|| remote.stripe_names()),
        }
    }

    async fn read_preconditions(self, store: Arc<dyn Store>) -> Result<Preconditions, StoreError> {
        let nonces = ensure_nonces(&*store, &self.nonces, self.nonce_lifetime);
        let lease = take_lease(&*store, self.lease, self.lease_ttl);
        let stripes = async {
            let names = self.stripe_names?;
            read_stripes(&*store, names).await.ok()
        };
        let (nonces, lease, stripes) = join3(nonces, lease, stripes).await;
        Ok(Preconditions {
            nonces: nonces?,
            lease,
            stripes,
        })
    }
}

/// Returns a new nonce to offer for each name, and the nonce that is expected there afterwards: the one
/// that was seen, else the new one. A nonce that was seen is not offered again: it may have been deleted
/// since, and must not reappear.
fn offered_nonces(
    names: &[String],
    seen: impl Iterator<Item = Option<Nonce>>,
) -> (Vec<(String, Bytes)>, Vec<Nonce>) {
    let seen = seen.chain(std::iter::repeat(None));
    let offers = names.iter().zip(seen).map(|(name, seen)| {
        let (offer, new) = offer(name);
        (offer, seen.unwrap_or(new))
    });
    offers.unzip()
}

/// Returns a new nonce to offer for a name.
fn offer(name: &str) -> ((String, Bytes), Nonce) {
    let nonce = Nonce::random();
    let bytes = Bytes::copy_from_slice(nonce.as_bytes());
    ((name.to_owned(), bytes), nonce)
}

fn offers(names: &[String]) -> Vec<(String, Bytes)> {
    names.iter().map(|name| offer(name).0).collect()
}

/// Reads the stripes; those that are absent are created for the next run.
async fn read_stripes(
    store: &dyn Store,
    names: Vec<String>,
) -> Result<Vec<Option<Bytes>>, StoreError> {
    let mut found = store.get_many(&names).await?;
    for stripe in &mut found {
        // A foreign value is replaced as if the stripe was absent.
        stripe.take_if(|stripe| Nonce::from_slice(stripe).is_none());
    }
    if found.iter().all(Option::is_some) {
        return Ok(found);
    }
    let absent = names
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_none());
    let absent: Vec<_> = absent.map(|(name, _)| name.clone()).collect();
    let created = ensure_nonces(store, &offers(&absent), STRIPE_LIFETIME).await?;
    let mut created = created.into_iter();
    Ok(found
        .into_iter()
        .map(|stripe| stripe.or_else(|| created.next()))
        .collect())
}

/// Calls [`Store::ensure`] with nonces. Foreign values are deleted, which is an invalidation and nothing
/// more, and the call is repeated once for their names: the other nonces may have been stored, and deleted since.
async fn ensure_nonces(
    store: &dyn Store,
    offers: &[(String, Bytes)],
    lifetime: Duration,
) -> Result<Vec<Bytes>, StoreError> {
    let mut ensured = store.ensure(offers, lifetime).await?;
    let is_foreign = |stored: &Bytes| Nonce::from_slice(stored).is_none();
    let both = offers.iter().zip(&ensured);
    let foreign = both.filter(|(_, stored)| is_foreign(stored));
    let foreign: Vec<_> = foreign.map(|(offer, _)| offer.clone()).collect();
    if foreign.is_empty() {
        return Ok(ensured);
    }
    warn_of_foreign_value();
    let names: Vec<_> = foreign.iter().map(|(name, _)| name.clone()).collect();
    store.delete_many(&names).await?;
    let replaced = store.ensure(&foreign, lifetime).await?;
    let places = ensured.iter_mut().filter(|stored| is_foreign(stored));
    places.zip(replaced).for_each(|(place, new)| *place = new);
    Ok(ensured)
}

fn parse_nonces(values: &[Bytes]) -> Option<Vec<Nonce>> {
    values
        .iter()
        .map(|nonce| Nonce::from_slice(nonce))
        .collect()
}

fn foreign_values() -> CallError {
    CallError::failed(
        StoreErrorKind::Protocol,
        "the name of a nonce holds another program's value again and again: give this cache a \
         `namespace(..)` under which nothing else writes",
    )
}

/// Write of a response.
struct EntryWrite {
    prepared: PreparedWrite,
    stored: Arc<StoredResponse>,
    tags: Vec<String>,
    /// Stripes of the tags before the run.
    stripes: Vec<(String, Nonce)>,
    /// List and variant under which it is written, where responses vary.
    vary: Option<VaryTarget>,
}

impl EntryWrite {
    async fn run(self, store: &dyn Store) -> Result<(), StoreError> {
        let keep = self.stored.keep().min(MAX_LIFETIME);
        if !self.do_nonces_outlive(store, keep).await? {
            return Ok(());
        }
        let Some(named) = self.tag_nonces(store, keep).await? else {
            return Ok(());
        };
        let about = Metadata {
            keep,
            refresh_after: self.stored.refresh_at.since(self.stored.created_at),
            nonces: self.prepared.nonces.as_slice().into(),
            named,
        };
        let now = self.prepared.remote.clock.now();
        let left = keep.saturating_sub(now.since(self.stored.created_at));
        if left.is_zero() {
            return Ok(());
        }
        if let Some(vary) = &self.vary {
            return self.set_variant(vary, store, &about, left).await;
        }
        let key = &self.prepared.key;
        match codec::response(&key.full_key, &self.stored, &about) {
            Some(frame) => store.set(&key.name, frame, left).await,
            None => Ok(()),
        }
    }

    async fn set_variant(
        &self,
        vary: &VaryTarget,
        store: &dyn Store,
        about: &Metadata,
        left: Duration,
    ) -> Result<(), StoreError> {
        let (base, namespace) = (&self.prepared.key, &self.prepared.remote.namespace);
        let current = stored_list(store, base).await?;
        let Some(list) = vary.agreed(current.as_ref().map(|(list, _)| list)) else {
            return Ok(());
        };
        let key = base.variant(namespace, &list.id, &vary.variant);
        let stored = self.stored.as_variant(vary.variant.clone());
        let frames = (
            codec::names(&base.full_key, &list),
            codec::response(&key.full_key, &stored, about),
        );
        let (Some(names), Some(frame)) = frames else {
            // Selected by something that has no meaning in another process.
            return Ok(());
        };
        store.set(&key.name, frame, left).await?;
        // The list outlives its variants.
        match current {
            Some((current, lifetime)) if current == list && lifetime >= left => Ok(()),
            _ => {
                let lifetime = left.max(self.prepared.nonce_lifetime);
                store.set(&base.name, names, lifetime).await
            }
        }
    }

    /// Returns whether the nonces are unchanged and live as long as the response, which may be kept for
    /// longer than was expected before it was made.
    async fn do_nonces_outlive(
        &self,
        store: &dyn Store,
        keep: Duration,
    ) -> Result<bool, StoreError> {
        let prepared = &self.prepared;
        if keep <= prepared.nonce_lifetime {
            return Ok(true);
        }
        let lifetime = keep.saturating_add(NONCE_SLACK);
        let offers = offers(prepared.key.nonce_names());
        let ensured = ensure_nonces(store, &offers, lifetime).await?;
        Ok(parse_nonces(&ensured).is_some_and(|now| now == prepared.nonces))
    }

    /// Returns the tags of the handler with their nonces; `None` if one of them may have been invalidated
    /// since the run started.
    async fn tag_nonces(
        &self,
        store: &dyn Store,
        keep: Duration,
    ) -> Result<Option<Vec<(Box<str>, Nonce)>>, StoreError> {
        if self.tags.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let namespace = &self.prepared.remote.namespace;
        let names: Vec<_> = self.tags.iter().map(|tag| namespace.tag(tag)).collect();
        let lifetime = keep.saturating_add(NONCE_SLACK);
        let ensured = ensure_nonces(store, &offers(&names), lifetime).await?;
        let ensured = parse_nonces(&ensured);
        // After the nonces: an invalidation of a tag deletes its stripe before the nonce.
        let names: Vec<_> = self.stripes.iter().map(|(name, _)| name.clone()).collect();
        let now = store.get_many(&names).await?;
        let now = now
            .iter()
            .map(|stripe| Nonce::from_slice(stripe.as_deref()?));
        let unchanged = now.eq(self.stripes.iter().map(|(_, before)| Some(*before)));
        let tags = self.tags.iter().map(|tag| tag.as_str().into());
        Ok(ensured
            .filter(|_| unchanged)
            .map(|ensured| tags.zip(ensured).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{store::StoredValue, testing::in_process_store::InProcessStore};

    /// Store in which another process deletes the nonce `other` whenever names are deleted.
    struct Busy(InProcessStore);

    impl Store for Busy {
        fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
            self.0.get(name, limit)
        }

        fn set<'a>(
            &'a self,
            name: &'a str,
            bytes: Bytes,
            timeout: Duration,
        ) -> StoreFuture<'a, ()> {
            self.0.set(name, bytes, timeout)
        }

        fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
            Box::pin(async move {
                self.0.delete(name).await?;
                self.0.delete("other").await
            })
        }
    }

    #[actix_web::test]
    async fn a_nonce_that_was_deleted_does_not_come_back_beside_a_foreign_value() {
        let store = Busy(InProcessStore::new());
        let foreign = Bytes::from_static(b"of another program");
        let minute = Duration::from_secs(60);
        store.set("name", foreign, 10 * minute).await.unwrap();
        let offers = offers(&["name".to_owned(), "other".to_owned()]);
        let ensured = ensure_nonces(&store, &offers, minute).await.unwrap();
        let offered: Vec<_> = offers.iter().map(|(_, nonce)| nonce.clone()).collect();
        assert_eq!(ensured, offered);
        assert_eq!(store.0.names(), ["name"]);
    }
}
