//! Reading: what another process has stored, if it is still valid.

use crate::{
    cache::Inner,
    entry::{
        FOUND, StoredResponse,
        codec::{self, About, Decoded, Head, NameList},
        remote_state::{NonceCell, Nonces, VerifiedAt},
    },
    invalidation::{generation::Snapshot, nonce::Nonce, tag_stripes::StripeSnapshot},
    key::vary::{self, Variant},
    remote::{budget::Budget, entry_key::RemoteKey, error::CallError, lease::Holder, tier::Remote},
    route::Route,
    store::{error::StoredValue, small_values::SmallValues},
    time::moment::Timestamp,
};
use actix_web::{HttpRequest, web::Bytes};
use std::{sync::Arc, time::Duration};

/// What was found for an errand.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// What lies beside it: under the names of the errand's nonces, and the lease.
    beside: SmallValues,
    // Boxed, so that it is not moved about.
    pub(crate) response: Option<Box<StoredResponse>>,
    /// The names that select a variant there, where responses vary.
    pub(crate) list: Option<NameList>,
    /// Who has the lease on the run.
    pub(crate) holder: Option<Holder>,
    /// What was looked for behind the list.
    pub(crate) variant: Option<Arc<RemoteKey>>,
}

impl Fetched {
    /// The nonces of the errand, as they are.
    pub(crate) fn nonces(&self) -> impl Iterator<Item = Option<Nonce>> {
        nonces(&self.beside).map(|nonce| Nonce::from_slice(nonce?))
    }
}

/// So many bytes are read where the head of a response may be enough.
const PREFIX: usize = 4 << 10;

/// Stores that count in whole seconds round up.
const ROUNDED: Duration = Duration::from_secs(2);

/// How much of a response is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadMode {
    Whole,
    /// Its head: the response that is found may have no body.
    Head,
}

/// Somebody who reads. What is invalidated in this process after this was made is seen in what it
/// reads.
pub(crate) struct RemoteReader<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) shared: &'a Inner,
    pub(crate) allowance: &'a Budget,
    site: &'a Route,
    snapshot: Snapshot,
    /// Where the handler is known to name tags.
    before: Option<StripeSnapshot>,
    began: Timestamp,
}

/// What lies under a name, with all that was read beside it.
struct Read {
    kept: Option<StoredValue>,
    beside: SmallValues,
    holder: Option<Holder>,
}

impl<'a> RemoteReader<'a> {
    pub(crate) fn new(
        remote: &'a Remote,
        shared: &'a Inner,
        allowance: &'a Budget,
        site: &'a Route,
        snapshot: Snapshot,
    ) -> Self {
        Self {
            remote,
            shared,
            allowance,
            site,
            snapshot,
            before: site.names_tags().then(|| shared.generations.before()),
            began: shared.now(),
        }
    }

    /// What lies there for `errand`, of which `selects` selects a variant.
    pub(crate) async fn fetch(
        mut self,
        errand: &Arc<RemoteKey>,
        selects: impl Selects,
        want: ReadMode,
    ) -> Result<Fetched, CallError> {
        if self.remote.is_pending(errand.nonces()) {
            return Ok(Fetched::default());
        }
        let (read, framed) = self.read_frame(errand, want).await?;
        match self.at_once(read, framed) {
            Ok(fetched) => Ok(fetched),
            // Boxed, as what few responses need: there is a look-up in each request.
            Err(more) => Box::pin(self.ask_more(*more, errand, selects, want)).await,
        }
    }

    /// What was found, where nothing more need be asked for it.
    fn at_once(
        &self,
        read: Read,
        framed: Option<Decoded>,
    ) -> Result<Fetched, Box<(Read, Decoded)>> {
        let response = match framed {
            None => None,
            Some(Decoded::Response(stored, about)) if about.named.is_empty() => {
                let left = left(&read, &about);
                left.and_then(|left| self.taken(stored, &about, left, Vec::new()))
            }
            Some(framed) => return Err(Box::new((read, framed))),
        };
        Ok(Fetched {
            response,
            holder: read.holder,
            beside: read.beside,
            ..Fetched::default()
        })
    }

    async fn ask_more(
        self,
        (read, framed): (Read, Decoded),
        errand: &RemoteKey,
        selects: impl Selects,
        want: ReadMode,
    ) -> Result<Fetched, CallError> {
        let mut fetched = Fetched {
            holder: read.holder,
            ..Fetched::default()
        };
        match framed {
            Decoded::Response(stored, about) => {
                fetched.response = self.valid(&read, stored, &about).await?;
            }
            Decoded::Names(list) => {
                let variant = selects.variant(&list);
                fetched.list = Some(list);
                if let Some(variant) = variant {
                    self.fetch_variant(errand, variant, want, &mut fetched)
                        .await?;
                }
            }
        }
        fetched.beside = read.beside;
        Ok(fetched)
    }

    /// What lies behind the list that was found.
    async fn fetch_variant(
        mut self,
        base: &RemoteKey,
        variant: Variant,
        want: ReadMode,
        fetched: &mut Fetched,
    ) -> Result<(), CallError> {
        let Some(list) = &fetched.list else {
            return Ok(());
        };
        let errand = base.variant(&self.remote.namespace, &list.id, &variant);
        let errand = Arc::new(errand);
        let (read, framed) = self.read_frame(&errand, want).await?;
        fetched.holder = read.holder;
        fetched.variant = Some(errand);
        if let Some(Decoded::Response(stored, about)) = framed
            && stored.variant.as_ref() == Some(&variant)
        {
            fetched.response = self.valid(&read, stored, &about).await?;
        }
        Ok(())
    }

    /// What was read, and the frame in it.
    async fn read_frame(
        &mut self,
        errand: &Arc<RemoteKey>,
        want: ReadMode,
    ) -> Result<(Read, Option<Decoded>), CallError> {
        let read = self.read(errand, want).await?;
        let found = framed(errand, &read, want);
        match &found {
            Some(Decoded::Response(_, about))
                if !about.named.is_empty() && self.before.is_none() => {}
            _ => return Ok((read, found)),
        }
        // Nobody knew that its handler names tags: what is compared must be from before it was read.
        self.site.note_tags();
        self.before = Some(self.shared.generations.before());
        let read = Box::pin(self.read(errand, want)).await?;
        let found = framed(errand, &read, want);
        Ok((read, found))
    }

    async fn read(&self, errand: &Arc<RemoteKey>, want: ReadMode) -> Result<Read, CallError> {
        let limit = match want {
            ReadMode::Whole => errand.longest,
            ReadMode::Head => PREFIX,
        };
        let in_passing = self.shared.shelf.is_nowhere();
        let calls = &self.remote.calls;
        let read = calls.look_up(self.allowance, errand, limit, in_passing);
        let (kept, beside) = read.await?;
        let lease = beside.len().checked_sub(1);
        let lease = lease.and_then(|last| beside.get(last));
        let holder = lease.and_then(|lease| Holder::of(lease, nonces(&beside)));
        Ok(Read {
            kept,
            beside,
            holder,
        })
    }

    /// Makes of what was read a response of this process, if none of its nonces is missing or
    /// another.
    async fn valid(
        &self,
        read: &Read,
        stored: Box<StoredResponse>,
        about: &About,
    ) -> Result<Option<Box<StoredResponse>>, CallError> {
        let Some(left) = left(read, about) else {
            return Ok(None);
        };
        if about.named.is_empty() {
            return Ok(self.taken(stored, about, left, Vec::new()));
        }
        let named = about.named.iter();
        let named = named.map(|(tag, nonce)| (self.remote.namespace.tag(tag), *nonce));
        let named: Vec<_> = named.collect();
        if !self.are_valid(&named).await? {
            return Ok(None);
        }
        Ok(self.taken(stored, about, left, named))
    }

    /// A response of this process, which has so long to live; `None` if it was invalidated here.
    fn taken(
        &self,
        mut stored: Box<StoredResponse>,
        about: &About,
        left: Duration,
        named: Vec<(String, Nonce)>,
    ) -> Option<Box<StoredResponse>> {
        let tags: Vec<String> = about.named.iter().map(|(tag, _)| tag.to_string()).collect();
        stored.tag_snapshot = self.hold(&tags)?;
        stored.created_at = self.began.before(about.keep.saturating_sub(left));
        stored.refresh_at = stored.created_at.after(about.refresh_after);
        stored.run = FOUND;
        stored.style.settle();
        stored.snapshot = self.snapshot.clone();
        stored.verified_at = VerifiedAt::at(self.began);
        stored.nonces = NonceCell::of(Nonces {
            known: about.nonces.clone(),
            named,
        });
        Some(stored)
    }

    /// The generations of these tags, which the response was found with.
    fn hold(&self, tags: &[String]) -> Option<Snapshot> {
        let none = Snapshot::default();
        match &self.before {
            Some(before) => self.shared.generations.hold(tags, before, &none),
            None => tags.is_empty().then_some(none),
        }
    }

    /// Whether all of these are what they were.
    async fn are_valid(&self, named: &[(String, Nonce)]) -> Result<bool, CallError> {
        let asked = named.iter().map(|(name, _)| name.clone()).collect();
        let found = self.nonces(asked).await?;
        Ok(found.is_some_and(|found| {
            let found = found.iter().map(Option::as_deref);
            are(found, named.iter().map(|(_, nonce)| nonce))
        }))
    }

    /// What lies under these names; `None` where that is not to be used.
    async fn nonces(&self, names: Vec<String>) -> Result<Option<Vec<Option<Bytes>>>, CallError> {
        if self.remote.is_pending(&names) {
            return Ok(None);
        }
        let found = self.remote.calls.call(self.allowance, move |store| {
            Box::pin(async move { store.get_many(&names).await })
        });
        found.await.map(Some)
    }

    /// Who has a lease of this name on a run for `errand`.
    pub(crate) async fn holder(
        &self,
        errand: &RemoteKey,
        lease: &str,
    ) -> Result<Option<Holder>, CallError> {
        let mut names = errand.nonces().to_vec();
        names.push(lease.to_owned());
        let found = self.remote.calls.call(self.allowance, move |store| {
            Box::pin(async move { store.get_many(&names).await })
        });
        let mut nonces = found.await?;
        let value = nonces.pop().flatten();
        let nonces = nonces.iter().map(Option::as_deref);
        Ok(value.and_then(|value| Holder::of(&value, nonces)))
    }

    /// Whether all that `stored` depends on is as it was before its run: if so, it is in step again.
    pub(crate) async fn check(
        &self,
        errand: &RemoteKey,
        stored: &StoredResponse,
    ) -> Result<bool, CallError> {
        let Some(Nonces { known, named }) = stored.nonces.get() else {
            return Ok(false);
        };
        let named_there = named.iter().map(|(name, _)| name.clone());
        let names = errand.nonces().iter().cloned().chain(named_there).collect();
        let found = self.nonces(names).await?;
        let same = found.is_some_and(|found| {
            let expected = known.iter().chain(named.iter().map(|(_, nonce)| nonce));
            are(found.iter().map(Option::as_deref), expected)
        });
        if same {
            stored.verified_at.renew(self.began);
        }
        Ok(same)
    }
}

fn framed(errand: &RemoteKey, read: &Read, want: ReadMode) -> Option<Decoded> {
    let bytes = &read.kept.as_ref()?.bytes;
    match want {
        ReadMode::Whole => errand.framed(bytes),
        ReadMode::Head => match codec::read_head(&errand.full_key, bytes)? {
            Head::Whole { framed, .. } => Some(framed),
            // A head that is so long is read with its body.
            Head::Short { .. } => None,
        },
    }
}

/// How long a response has to live still, if the nonces that are known from the request are its own.
fn left(read: &Read, about: &About) -> Option<Duration> {
    let left = read.kept.as_ref().map(|kept| kept.left).unwrap_or_default();
    // By this store's word it would never age.
    let ages = left <= about.keep.saturating_add(ROUNDED);
    (ages && are(nonces(&read.beside), about.nonces.iter())).then_some(left)
}

/// All that lies beside a response but the lease, which is the last.
fn nonces(beside: &SmallValues) -> impl Iterator<Item = Option<&[u8]>> {
    beside.iter().take(beside.len().saturating_sub(1))
}

/// Whether each nonce is there, and is the one that was.
fn are<'n>(
    found: impl Iterator<Item = Option<&'n [u8]>>,
    expected: impl Iterator<Item = &'n Nonce>,
) -> bool {
    found.eq(expected.map(|nonce| Some(nonce.as_bytes())))
}

/// Whoever looks for something, which may vary.
pub(crate) trait Selects: Copy {
    /// The variant that is selected by the names of a list, where there are variants.
    fn variant(self, list: &NameList) -> Option<Variant>;
}

impl Selects for &HttpRequest {
    fn variant(self, list: &NameList) -> Option<Variant> {
        Some(Variant {
            values: vary::values(&list.names, self),
            names: list.names.clone(),
        })
    }
}
