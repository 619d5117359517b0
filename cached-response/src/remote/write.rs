//! A response on its way to the remote store, behind the answer.

use crate::{
    entry::{
        StoredResponse,
        codec::{self, About},
        remote_state::Nonces,
    },
    invalidation::{nonce::Nonce, tag_stripes::stripe},
    remote::{
        prepared_write::{LONGEST_LIFE, PreparedWrite, SLACK, ensured, nonces, offers},
        vary::{self, VaryTarget},
    },
    store::{Store, error::StoreError},
    time::Clock,
};
use actix_web::HttpRequest;
use std::{sync::Arc, time::Duration};

/// What a run has made.
pub(crate) struct NewEntry<'a> {
    pub(crate) stored: Arc<StoredResponse>,
    /// What selects it, where it varies.
    pub(crate) request: Option<&'a HttpRequest>,
    /// The tags that its handler has named.
    pub(crate) tags: Vec<String>,
}

/// A response, and where it goes.
struct EntryWrite {
    dispatch: PreparedWrite,
    stored: Arc<StoredResponse>,
    tags: Vec<String>,
    /// The stripes of the tags, as they were before the run.
    stripes: Vec<(String, Nonce)>,
    /// The list of names that it lies behind.
    behind: Option<VaryTarget>,
    clock: Clock,
}

impl PreparedWrite {
    /// Sends what the run has made. Nobody waits for it.
    pub(crate) fn send(self, made: NewEntry<'_>, clock: &Clock) {
        let queue = self.remote.queue.clone();
        let NewEntry {
            stored,
            request,
            tags,
        } = made;
        let names = stored.variant.as_ref();
        let names = names.map_or(&[][..], |variant| &variant.names);
        let behind = match request {
            Some(request) if self.list.is_some() || !names.is_empty() => {
                Some(self.behind(names, request))
            }
            _ => None,
        };
        let Some(stripes) = self.stripes_of(&tags) else {
            return;
        };
        stored.nonces.note(Nonces {
            known: self.nonces.as_slice().into(),
            named: stripes.clone(),
        });
        let parcel = EntryWrite {
            dispatch: self,
            tags,
            stripes,
            behind,
            clock: clock.clone(),
            stored,
        };
        queue.push(parcel.stored.weight(), |store| {
            Box::pin(async move { parcel.deliver(&*store).await })
        });
    }

    /// Whether a response with these tags of its handler may go there: their stripes were seen before the
    /// run.
    pub(crate) fn can_name(&self, tags: &[String]) -> bool {
        self.stripes_of(tags).is_some()
    }

    /// The stripes of these tags as they were before the run; `None` where one was not seen.
    fn stripes_of(&self, tags: &[String]) -> Option<Vec<(String, Nonce)>> {
        let stripes = tags.iter().map(|tag| {
            let stripe = stripe(tag);
            let before = self.stripes.as_ref()?.get(stripe)?.as_deref()?;
            let name = self.remote.namespace.stripe(stripe);
            Some((name, Nonce::from_slice(before)?))
        });
        stripes.collect()
    }
}

impl EntryWrite {
    async fn deliver(self, store: &dyn Store) -> Result<(), StoreError> {
        let keep = self.stored.keep().min(LONGEST_LIFE);
        if !self.lives_on(store, keep).await? {
            return Ok(());
        }
        let Some(named) = self.named(store, keep).await? else {
            return Ok(());
        };
        let about = About {
            keep,
            refresh_after: self.stored.refresh_at.since(self.stored.created_at),
            nonces: self.dispatch.nonces.as_slice().into(),
            named,
        };
        let left = keep.saturating_sub(self.clock.now().since(self.stored.created_at));
        if left.is_zero() {
            return Ok(());
        }
        self.put(store, &about, left).await
    }

    async fn put(
        &self,
        store: &dyn Store,
        about: &About,
        left: Duration,
    ) -> Result<(), StoreError> {
        let base = &self.dispatch.errand;
        if let Some(behind) = &self.behind {
            return self.put_behind(behind, store, about, left).await;
        }
        match codec::response(&base.full_key, &self.stored, about) {
            Some(frame) => store.set(&base.name, frame, left).await,
            None => Ok(()),
        }
    }

    async fn put_behind(
        &self,
        behind: &VaryTarget,
        store: &dyn Store,
        about: &About,
        left: Duration,
    ) -> Result<(), StoreError> {
        let (base, namespace) = (&self.dispatch.errand, &self.dispatch.remote.namespace);
        let there = vary::there(store, base).await?;
        let Some(list) = behind.agreed(there.as_ref().map(|(list, _)| list)) else {
            return Ok(());
        };
        let errand = base.variant(namespace, &list.id, &behind.variant);
        let stored = self.stored.as_variant(behind.variant.clone());
        let frames = (
            codec::names(&base.full_key, &list),
            codec::response(&errand.full_key, &stored, about),
        );
        let (Some(names), Some(frame)) = frames else {
            // Selected by what only this process can tell.
            return Ok(());
        };
        store.set(&errand.name, frame, left).await?;
        // It outlives whatever lies behind it.
        match there {
            Some((there, life)) if there == list && life >= left => Ok(()),
            _ => {
                store
                    .set(&base.name, names, left.max(self.dispatch.life))
                    .await
            }
        }
    }

    /// Whether what it depends on is as it was and lives as long as the response, which may be kept for
    /// longer than was thought before it was made.
    async fn lives_on(&self, store: &dyn Store, keep: Duration) -> Result<bool, StoreError> {
        if keep <= self.dispatch.life {
            return Ok(true);
        }
        let life = keep.saturating_add(SLACK);
        let offers = offers(self.dispatch.errand.nonces());
        let ensured = ensured(store, &offers, life).await?;
        Ok(nonces(&ensured).is_some_and(|now| now == self.dispatch.nonces))
    }

    /// The tags that the handler has named, with their nonces; `None` where one of them may have been
    /// invalidated since the run began.
    async fn named(
        &self,
        store: &dyn Store,
        keep: Duration,
    ) -> Result<Option<Vec<(Box<str>, Nonce)>>, StoreError> {
        if self.tags.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let namespace = &self.dispatch.remote.namespace;
        let names: Vec<_> = self.tags.iter().map(|tag| namespace.tag(tag)).collect();
        let life = keep.saturating_add(SLACK);
        let ensured = nonces(&ensured(store, &offers(&names), life).await?);
        // Only now: whoever invalidates a tag after this look has deleted its stripe before.
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
