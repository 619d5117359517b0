//! Reading an entry that another process may have stored, and its validation.

use crate::{
    entry::{
        NO_RUN, NonceCell, Nonces, StoredResponse, VerifiedAt,
        codec::{self, Decoded, Head, NameList, head::Metadata},
    },
    invalidation::{generation::Snapshot, nonce::Nonce, registry::StripeSnapshot},
    key::vary::{self, Variant},
    remote::{CallError, RemoteTier, client::Budget, entry_key::RemoteKey, lease::LeaseState},
    route::Route,
    store::StoredValue,
    time::moment::Timestamp,
};
use actix_web::{HttpRequest, web::Bytes};
use std::{sync::Arc, time::Duration};

/// Result of a read.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// Values of the key's companions: the nonces, then the lease.
    companions: Vec<Option<Bytes>>,
    // Boxed, so that it is not moved about.
    pub(crate) response: Option<Box<StoredResponse>>,
    /// Names that select a variant, where responses vary.
    pub(crate) list: Option<NameList>,
    /// State of the lease on the run.
    pub(crate) lease: Option<LeaseState>,
    /// Key of the variant that was selected by the list.
    pub(crate) variant: Option<Arc<RemoteKey>>,
}

impl Fetched {
    /// Returns the nonces of the key at the time of the read.
    pub(crate) fn nonces(&self) -> impl Iterator<Item = Option<Nonce>> {
        nonces(&self.companions).map(|nonce| Nonce::from_slice(nonce?))
    }
}

/// Number of bytes that are read where the head of an entry may suffice.
const PREFIX_BYTES: usize = 4 << 10;

/// Rounding error of stores that count lifetimes in whole seconds.
const LIFETIME_ROUNDING: Duration = Duration::from_secs(2);

/// Part of an entry that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadMode {
    Whole,
    /// Head alone: the response may have no body.
    Head,
}

/// Reader of entries for one request. An invalidation in this process after its creation is observed in
/// all that it reads.
pub(crate) struct RemoteReader<'a> {
    remote: &'a RemoteTier,
    budget: &'a Budget,
    route: &'a Route,
    snapshot: Snapshot,
    /// Stripes before the read, where the handler is known to set tags.
    stripes: Option<StripeSnapshot>,
    started_at: Timestamp,
}

/// Entry that was read, and its companions.
struct RawEntry {
    value: Option<StoredValue>,
    companions: Vec<Option<Bytes>>,
    lease: Option<LeaseState>,
}

impl<'a> RemoteReader<'a> {
    pub(crate) fn new(
        remote: &'a RemoteTier,
        budget: &'a Budget,
        route: &'a Route,
        snapshot: Snapshot,
    ) -> Self {
        Self {
            remote,
            budget,
            route,
            snapshot,
            stripes: route.names_tags().then(|| remote.generations.before()),
            started_at: remote.clock.now(),
        }
    }

    /// Reads the entry of a key, of which `selector` selects a variant.
    pub(crate) async fn fetch(
        mut self,
        key: &Arc<RemoteKey>,
        selector: impl VariantSelector,
        mode: ReadMode,
    ) -> Result<Fetched, CallError> {
        if self.remote.is_pending(key.nonce_names()) {
            return Ok(Fetched::default());
        }
        let (raw, decoded) = self.read_decoded(key, mode).await?;
        match self.finish(raw, decoded) {
            Ok(fetched) => Ok(fetched),
            // Boxed, as few responses need it: a look-up is part of every request's future.
            Err(rest) => Box::pin(self.read_more(*rest, key, selector, mode)).await,
        }
    }

    /// Returns the result if no further read is needed for it.
    fn finish(
        &self,
        raw: RawEntry,
        decoded: Option<Decoded>,
    ) -> Result<Fetched, Box<(RawEntry, Decoded)>> {
        let response = match decoded {
            None => None,
            Some(Decoded::Response(stored, about)) if about.named.is_empty() => {
                let left = valid_lifetime(&raw, &about);
                left.and_then(|left| self.adopt(stored, &about, left, Vec::new()))
            }
            Some(decoded) => return Err(Box::new((raw, decoded))),
        };
        Ok(Fetched {
            response,
            lease: raw.lease,
            companions: raw.companions,
            ..Fetched::default()
        })
    }

    async fn read_more(
        self,
        (raw, decoded): (RawEntry, Decoded),
        key: &RemoteKey,
        selector: impl VariantSelector,
        mode: ReadMode,
    ) -> Result<Fetched, CallError> {
        let mut fetched = Fetched {
            lease: raw.lease,
            ..Fetched::default()
        };
        match decoded {
            Decoded::Response(stored, about) => {
                fetched.response = self.validated(&raw, stored, &about).await?;
            }
            Decoded::Names(list) => {
                let variant = select(&list, selector);
                fetched.list = Some(list);
                if let Some(variant) = variant {
                    self.fetch_variant(key, variant, mode, &mut fetched).await?;
                }
            }
        }
        fetched.companions = raw.companions;
        Ok(fetched)
    }

    /// Reads the variant that the list has selected.
    async fn fetch_variant(
        mut self,
        base: &RemoteKey,
        variant: Variant,
        mode: ReadMode,
        fetched: &mut Fetched,
    ) -> Result<(), CallError> {
        let Some(list) = &fetched.list else {
            return Ok(());
        };
        let key = base.variant(&self.remote.namespace, &list.id, &variant);
        let key = Arc::new(key);
        let (raw, decoded) = self.read_decoded(&key, mode).await?;
        fetched.lease = raw.lease;
        fetched.variant = Some(key);
        if let Some(Decoded::Response(stored, about)) = decoded
            && stored.variant.as_ref() == Some(&variant)
        {
            fetched.response = self.validated(&raw, stored, &about).await?;
        }
        Ok(())
    }

    async fn read_decoded(
        &mut self,
        key: &Arc<RemoteKey>,
        mode: ReadMode,
    ) -> Result<(RawEntry, Option<Decoded>), CallError> {
        let raw = self.read(key, mode).await?;
        let decoded = decode(key, &raw, mode);
        match &decoded {
            Some(Decoded::Response(_, about))
                if !about.named.is_empty() && self.stripes.is_none() => {}
            _ => return Ok((raw, decoded)),
        }
        // The handler was not known to set tags: its stripes must be snapshotted before the read.
        self.route.note_tags();
        self.stripes = Some(self.remote.generations.before());
        let raw = Box::pin(self.read(key, mode)).await?;
        let decoded = decode(key, &raw, mode);
        Ok((raw, decoded))
    }

    async fn read(&self, key: &Arc<RemoteKey>, mode: ReadMode) -> Result<RawEntry, CallError> {
        let limit = match mode {
            ReadMode::Whole => key.max_bytes,
            ReadMode::Head => PREFIX_BYTES,
        };
        let client = &self.remote.client;
        let (value, companions) = client.look_up(self.budget, key, limit).await?;
        let lease = companions.last().and_then(Option::as_deref);
        let lease = lease.and_then(|lease| LeaseState::of(lease, nonces(&companions)));
        Ok(RawEntry {
            value,
            companions,
            lease,
        })
    }

    /// Returns the entry as a response of this process if all of its nonces are still stored.
    async fn validated(
        &self,
        raw: &RawEntry,
        stored: Box<StoredResponse>,
        about: &Metadata,
    ) -> Result<Option<Box<StoredResponse>>, CallError> {
        let Some(left) = valid_lifetime(raw, about) else {
            return Ok(None);
        };
        if about.named.is_empty() {
            return Ok(self.adopt(stored, about, left, Vec::new()));
        }
        let named = about.named.iter();
        let named = named.map(|(tag, nonce)| (self.remote.namespace.tag(tag), *nonce));
        let named: Vec<_> = named.collect();
        if !self.are_stored(&named).await? {
            return Ok(None);
        }
        Ok(self.adopt(stored, about, left, named))
    }

    /// Makes the entry a response of this process, with this remaining lifetime; `None` if it was
    /// invalidated here.
    fn adopt(
        &self,
        mut stored: Box<StoredResponse>,
        about: &Metadata,
        left: Duration,
        named: Vec<(String, Nonce)>,
    ) -> Option<Box<StoredResponse>> {
        let tags: Vec<String> = about.named.iter().map(|(tag, _)| tag.to_string()).collect();
        stored.tag_snapshot = self.hold(&tags)?;
        stored.created_at = self.started_at.before(about.keep.saturating_sub(left));
        stored.refresh_at = stored.created_at.after(about.refresh_after);
        stored.run = NO_RUN;
        stored.style.intern();
        stored.snapshot = self.snapshot.clone();
        stored.verified_at = VerifiedAt::at(self.started_at);
        stored.nonces = NonceCell::of(Nonces {
            read_by: self.remote.clock.now(),
            may_be_newer: false,
            known: about.nonces.clone(),
            named,
        });
        Some(stored)
    }

    /// Returns the generations of these tags at the time of the read.
    fn hold(&self, tags: &[String]) -> Option<Snapshot> {
        let none = Snapshot::default();
        match &self.stripes {
            Some(before) => self.remote.generations.hold(tags, before, &none),
            None => tags.is_empty().then_some(none),
        }
    }

    /// Returns whether all of these nonces are still stored.
    async fn are_stored(&self, nonces: &[(String, Nonce)]) -> Result<bool, CallError> {
        let names = nonces.iter().map(|(name, _)| name.clone()).collect();
        let found = self.read_nonces(names).await?;
        Ok(found.is_some_and(|found| {
            let found = found.iter().map(Option::as_deref);
            are_equal(found, nonces.iter().map(|(_, nonce)| nonce))
        }))
    }

    /// Reads the values of these names; `None` if one of them has a pending invalidation.
    async fn read_nonces(
        &self,
        names: Vec<String>,
    ) -> Result<Option<Vec<Option<Bytes>>>, CallError> {
        if self.remote.is_pending(&names) {
            return Ok(None);
        }
        self.get_many(names).await.map(Some)
    }

    async fn get_many(&self, names: Vec<String>) -> Result<Vec<Option<Bytes>>, CallError> {
        let found = self.remote.client.call(self.budget, move |store| {
            Box::pin(async move { store.get_many(&names).await })
        });
        found.await
    }

    /// Reads the state of the lease with this name on a run for `key`.
    pub(crate) async fn lease_state(
        &self,
        key: &RemoteKey,
        lease_name: &str,
    ) -> Result<Option<LeaseState>, CallError> {
        let mut names = key.nonce_names().to_vec();
        names.push(lease_name.to_owned());
        let mut values = self.get_many(names).await?;
        let lease = values.pop().flatten();
        let nonces = values.iter().map(Option::as_deref);
        Ok(lease.and_then(|lease| LeaseState::of(&lease, nonces)))
    }

    /// Returns whether nothing that `stored` depends on has been invalidated, and marks it as verified
    /// if so.
    pub(crate) async fn verify(
        &self,
        key: &RemoteKey,
        stored: &StoredResponse,
    ) -> Result<bool, CallError> {
        let Some(Nonces { known, named, .. }) = stored.nonces.get() else {
            return Ok(false);
        };
        let tag_names = named.iter().map(|(name, _)| name.clone());
        let names = key.nonce_names().iter().cloned().chain(tag_names).collect();
        let found = self.read_nonces(names).await?;
        let is_valid = found.is_some_and(|found| {
            let expected = known.iter().chain(named.iter().map(|(_, nonce)| nonce));
            are_equal(found.iter().map(Option::as_deref), expected)
        });
        if is_valid {
            stored.verified_at.renew(self.started_at);
        }
        Ok(is_valid)
    }
}

fn decode(key: &RemoteKey, raw: &RawEntry, mode: ReadMode) -> Option<Decoded> {
    let bytes = &raw.value.as_ref()?.bytes;
    match mode {
        ReadMode::Whole => key.decode(bytes),
        ReadMode::Head => match codec::read_head(&key.full_key, bytes)? {
            Head::Whole { decoded, .. } => Some(decoded),
            // A head that exceeds the prefix is read with its body.
            Head::Short { .. } => None,
        },
    }
}

/// Returns the remaining lifetime of an entry if the nonces of its key are those that it was made under.
fn valid_lifetime(raw: &RawEntry, about: &Metadata) -> Option<Duration> {
    let left = raw.value.as_ref().map(|value| value.left);
    let left = left.unwrap_or_default();
    // A store that reports more does not count lifetimes down.
    let is_plausible = left <= about.keep.saturating_add(LIFETIME_ROUNDING);
    (is_plausible && are_equal(nonces(&raw.companions), about.nonces.iter())).then_some(left)
}

/// Returns the companions without the lease, which is the last of them.
fn nonces(companions: &[Option<Bytes>]) -> impl Iterator<Item = Option<&[u8]>> {
    let (_, nonces) = companions.split_last().unwrap_or((&None, &[]));
    nonces.iter().map(Option::as_deref)
}

fn are_equal<'n>(
    found: impl Iterator<Item = Option<&'n [u8]>>,
    expected: impl Iterator<Item = &'n Nonce>,
) -> bool {
    found.eq(expected.map(|nonce| Some(nonce.as_bytes())))
}

/// Request or value that an entry is read for.
///
/// A trait, since a future with a request in it stays on its thread, and that of a value need not.
pub(crate) trait VariantSelector: Copy {
    /// Returns the request; `None` for a value, which does not vary.
    fn request(&self) -> Option<&HttpRequest>;
}

/// Returns the variant that the names of a list select.
fn select(list: &NameList, selector: impl VariantSelector) -> Option<Variant> {
    Some(Variant {
        values: vary::values(&list.names, selector.request()?),
        names: list.names.clone(),
    })
}
