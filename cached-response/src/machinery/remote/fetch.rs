//! Reading: what another process has stored, if it is still valid.

use super::{
    allowance::Allowance, calls::Unavailable, errand::Errand, lease::Holder, link::Remote,
};
use crate::{
    ground::{
        checked::{Checked, Held, Nonces},
        frame::{self, About, Framed, Head, NameList},
        generation::Snapshot,
        moment::Moment,
        nonce::Nonce,
        selector::Variant,
        store::Kept,
        stored::{FOUND, StoredResponse},
    },
    judgement::selection,
    machinery::{
        cache::Shared,
        generations::{Target, named::Before},
        site::Site,
    },
};
use actix_web::{HttpRequest, web::Bytes};
use std::{sync::Arc, time::Duration};

/// What was found for an errand.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// The nonces of the errand, as they are.
    pub(crate) nonces: Vec<Option<Nonce>>,
    pub(crate) response: Option<StoredResponse>,
    /// The names that select a variant there, where responses vary.
    pub(crate) list: Option<NameList>,
    /// Who has the lease on the run.
    pub(crate) holder: Option<Holder>,
    /// What was looked for behind the list.
    pub(crate) variant: Option<Arc<Errand>>,
}

/// So many bytes are read where the head of a response may be enough.
const PREFIX: usize = 4 << 10;

/// Stores that count in whole seconds round up.
const ROUNDED: Duration = Duration::from_secs(2);

/// How much of a response is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Whole,
    /// Its head: the response that is found may have no body.
    Head,
}

/// Somebody who reads. What is invalidated in this process after this was made is seen in what it
/// reads.
pub(crate) struct Reader<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) shared: &'a Shared,
    pub(crate) allowance: &'a Allowance,
    site: &'a Site,
    snapshot: Snapshot,
    /// Where the handler is known to name tags.
    before: Option<Before>,
    began: Moment,
}

/// What lies under a name, with all that was read beside it.
struct Read {
    kept: Option<Kept>,
    nonces: Vec<Option<Bytes>>,
    holder: Option<Holder>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        remote: &'a Remote,
        shared: &'a Shared,
        allowance: &'a Allowance,
        site: &'a Site,
        target: Target<'_>,
    ) -> Self {
        Self {
            remote,
            shared,
            allowance,
            site,
            snapshot: shared.generations.snapshot(target),
            before: site.names_tags().then(|| shared.generations.before()),
            began: shared.now(),
        }
    }

    /// What lies there for `errand`; `request` selects a variant.
    pub(crate) async fn fetch(
        mut self,
        errand: &Arc<Errand>,
        request: Option<&HttpRequest>,
        want: Want,
    ) -> Result<Fetched, Unavailable> {
        if self.remote.is_pending(errand.nonces()) {
            return Ok(Fetched::default());
        }
        let (read, framed) = self.read_frame(errand, want).await?;
        let mut fetched = Fetched {
            nonces: read
                .nonces
                .iter()
                .map(|nonce| Nonce::from_slice(nonce.as_deref()?))
                .collect(),
            holder: read.holder,
            ..Fetched::default()
        };
        match framed {
            Some(Framed::Response(stored, about)) => {
                fetched.response = self.valid(read, *stored, about).await?;
            }
            Some(Framed::Names(list)) => {
                fetched.list = Some(list);
                if let Some(request) = request {
                    // Boxed, as what few responses need: there is a look-up in each request.
                    Box::pin(self.fetch_variant(errand, request, want, &mut fetched)).await?;
                }
            }
            None => {}
        }
        Ok(fetched)
    }

    /// What lies behind the list that was found.
    async fn fetch_variant(
        mut self,
        base: &Errand,
        request: &HttpRequest,
        want: Want,
        fetched: &mut Fetched,
    ) -> Result<(), Unavailable> {
        let Some(list) = &fetched.list else {
            return Ok(());
        };
        let variant = variant(list, request);
        let errand = base.variant(&self.remote.namespace, &list.id, &variant);
        let errand = Arc::new(errand);
        let (read, framed) = self.read_frame(&errand, want).await?;
        fetched.holder = read.holder;
        fetched.variant = Some(errand);
        if let Some(Framed::Response(stored, about)) = framed
            && stored.variant.as_ref() == Some(&variant)
        {
            fetched.response = self.valid(read, *stored, about).await?;
        }
        Ok(())
    }

    /// What was read, and the frame in it.
    async fn read_frame(
        &mut self,
        errand: &Arc<Errand>,
        want: Want,
    ) -> Result<(Read, Option<Framed>), Unavailable> {
        let read = self.read(errand, want).await?;
        let found = framed(errand, &read, want);
        match &found {
            Some(Framed::Response(_, about))
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

    async fn read(&self, errand: &Arc<Errand>, want: Want) -> Result<Read, Unavailable> {
        let limit = match want {
            Want::Whole => errand.longest,
            Want::Head => PREFIX,
        };
        let read = self.remote.calls.look_up(self.allowance, errand, limit);
        let (kept, mut nonces) = read.await?;
        let holder = nonces.pop().flatten();
        let holder = holder.and_then(|value| Holder::of(&value, &nonces));
        Ok(Read {
            kept,
            nonces,
            holder,
        })
    }

    /// Makes of what was read a response of this process, if none of its nonces is missing or
    /// another.
    async fn valid(
        &self,
        read: Read,
        stored: StoredResponse,
        about: About,
    ) -> Result<Option<StoredResponse>, Unavailable> {
        let left = read.kept.map(|kept| kept.left).unwrap_or_default();
        if left > about.keep.saturating_add(ROUNDED) {
            // By this store's word it would never age.
            return Ok(None);
        }
        let tags: Vec<String> = about.named.iter().map(|(tag, _)| tag.to_string()).collect();
        let named = about.named.iter();
        let named = named.map(|(tag, nonce)| (self.remote.namespace.tag(tag), *nonce));
        let held = Nonces {
            known: about.nonces,
            named: named.collect(),
        };
        if !are(&read.nonces, held.known.iter()) {
            return Ok(None);
        }
        if !held.named.is_empty() && !Box::pin(self.are_valid(&held.named)).await? {
            return Ok(None);
        }
        let Some(named) = self.hold(&tags) else {
            return Ok(None);
        };
        let born = self.began.before(about.keep.saturating_sub(left));
        Ok(Some(StoredResponse {
            born,
            quiet_until: born.after(about.quiet),
            run: FOUND,
            snapshot: self.snapshot.clone(),
            named,
            checked: Checked::at(self.began),
            held: Held::of(held),
            ..stored
        }))
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
    async fn are_valid(&self, named: &[(String, Nonce)]) -> Result<bool, Unavailable> {
        let asked = named.iter().map(|(name, _)| name.clone()).collect();
        let found = self.nonces(asked).await?;
        Ok(found.is_some_and(|found| are(&found, named.iter().map(|(_, nonce)| nonce))))
    }

    /// What lies under these names; `None` where that is not to be used.
    async fn nonces(&self, names: Vec<String>) -> Result<Option<Vec<Option<Bytes>>>, Unavailable> {
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
        errand: &Errand,
        lease: &str,
    ) -> Result<Option<Holder>, Unavailable> {
        let mut names = errand.nonces().to_vec();
        names.push(lease.to_owned());
        let found = self.remote.calls.call(self.allowance, move |store| {
            Box::pin(async move { store.get_many(&names).await })
        });
        let mut nonces = found.await?;
        let value = nonces.pop().flatten();
        Ok(value.and_then(|value| Holder::of(&value, &nonces)))
    }

    /// Whether all that `stored` depends on is as it was before its run: if so, it is in step again.
    pub(crate) async fn check(
        &self,
        errand: &Errand,
        stored: &StoredResponse,
    ) -> Result<bool, Unavailable> {
        let Some(Nonces { known, named }) = stored.held.get() else {
            return Ok(false);
        };
        let named_there = named.iter().map(|(name, _)| name.clone());
        let names = errand.nonces().iter().cloned().chain(named_there).collect();
        let expected = known.iter().chain(named.iter().map(|(_, nonce)| nonce));
        let found = self.nonces(names).await?;
        let same = found.is_some_and(|found| are(&found, expected));
        if same {
            stored.checked.renew(self.began);
        }
        Ok(same)
    }
}

fn framed(errand: &Errand, read: &Read, want: Want) -> Option<Framed> {
    let bytes = &read.kept.as_ref()?.bytes;
    match want {
        Want::Whole => frame::read(&errand.full_key, bytes),
        Want::Head => match frame::read_head(&errand.full_key, bytes)? {
            Head::Whole { framed, .. } => Some(framed),
            // A head that is so long is read with its body.
            Head::Short { .. } => None,
        },
    }
}

/// Whether each nonce is there, and is the one that was.
fn are<'n>(found: &[Option<Bytes>], expected: impl Iterator<Item = &'n Nonce>) -> bool {
    let found = found.iter().map(Option::as_deref);
    found.eq(expected.map(|nonce| Some(nonce.as_bytes())))
}

/// What `request` selects by the names of a list.
fn variant(list: &NameList, request: &HttpRequest) -> Variant {
    Variant {
        values: selection::values(&list.names, request),
        names: list.names.clone(),
    }
}
