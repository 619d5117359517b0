//! Writing: a run whose response goes to the remote store.
//!
//! What it depends on is taken note of before it starts, and is told with the response: whoever
//! reads it compares. So it does not matter when the response arrives there.

use crate::{
    entry::codec::NameList,
    invalidation::nonce::Nonce,
    metrics::reason::Skip,
    remote::{
        budget::Budget,
        entry_key::RemoteKey,
        error::CallError,
        lease::{Lease, claim, is_of_a_lease},
        read::Fetched,
        tier::Remote,
    },
    store::{
        Store,
        error::{StoreError, StoreErrorKind, StoreFuture},
        foreign::warn_of_foreign_value,
    },
};
use actix_web::web::Bytes;
use futures_util::future::join3;
use std::{sync::Arc, time::Duration};

/// How long stripes of tags live: longer than any run.
const STRIPE_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Nonces live so much longer than the response that they are taken for, which is yet to be made.
pub(crate) const SLACK: Duration = Duration::from_secs(60);

/// Nothing is kept for longer.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// What a run must know of the store before it starts, if its response is to go there.
#[derive(Debug)]
pub(crate) struct PreparedWrite {
    pub(crate) remote: Arc<Remote>,
    pub(crate) errand: Arc<RemoteKey>,
    pub(crate) nonces: Vec<Nonce>,
    /// What the nonces live at least, from the start of the run.
    pub(crate) life: Duration,
    /// The stripes of tags, where the handler is known to name any.
    pub(crate) stripes: Option<Vec<Option<Bytes>>>,
    /// The names that select a variant there.
    pub(crate) list: Option<NameList>,
    /// Given back when the response has arrived, or there is none.
    lease: Option<Lease>,
}

/// What a run is started with.
pub(crate) struct Start<'a> {
    pub(crate) errand: Arc<RemoteKey>,
    /// What was found there.
    pub(crate) fetched: Fetched,
    /// How long its response is likely to be kept.
    pub(crate) life: Duration,
    /// Its handler names tags.
    pub(crate) tags: bool,
    /// Others shall wait for it.
    pub(crate) lease: bool,
    pub(crate) allowance: &'a Budget,
}

/// Whether a run may start.
pub(crate) enum Started {
    Run(Box<PreparedWrite>),
    /// Somebody else was faster and has the lease.
    Leased,
}

impl PreparedWrite {
    /// Takes note of all that the response of a run will depend on; to be done before it starts.
    pub(crate) async fn start(
        remote: &Arc<Remote>,
        start: Start<'_>,
    ) -> Result<Started, CallError> {
        let first = First::of(remote, &start);
        let life = first.life;
        let Start {
            errand,
            fetched,
            allowance,
            ..
        } = start;
        let take = |store| -> StoreFuture<'static, Preconditions> { Box::pin(first.take(store)) };
        let Preconditions {
            ensured,
            leased,
            stripes,
        } = remote.calls.call(allowance, take).await?;
        let lease = match leased {
            Leased::Theirs => return Ok(Started::Leased),
            Leased::Ours(lease) => Some(lease),
            Leased::None => None,
        };
        let nonces = nonces(&ensured).ok_or_else(foreign)?;
        Ok(Started::Run(Box::new(Self {
            remote: remote.clone(),
            nonces,
            errand,
            life,
            stripes,
            list: fetched.list,
            lease,
        })))
    }

    /// What was made is not stored. Where the next will not be either, nobody waits for it.
    pub(crate) fn refused(self, why: Skip) {
        if why.is_structural()
            && let Some(lease) = self.lease
        {
            lease.pass();
        }
    }

    /// Whether nothing that it depends on was invalidated since these were taken note of.
    pub(crate) fn goes_on_from(&self, known: Option<&[Nonce]>) -> bool {
        known == Some(&self.nonces)
    }
}

/// What is offered to the store for what a run depends on.
struct Offered {
    values: Vec<(String, Bytes)>,
    /// What will lie there, unless somebody else offers or deletes at the same time.
    likely: Vec<Nonce>,
}

/// For what is missing, what is thought to lie there soon; for what was seen a new one: it may have
/// been deleted since, and must not come back.
fn offered(names: &[String], seen: impl Iterator<Item = Option<Nonce>>) -> Offered {
    let seen = seen.chain(std::iter::repeat(None));
    let (mut values, mut likely) = (Vec::new(), Vec::new());
    for (name, seen) in names.iter().zip(seen) {
        let new = Nonce::random();
        values.push((name.clone(), Bytes::copy_from_slice(new.as_bytes())));
        likely.push(seen.unwrap_or(new));
    }
    Offered { values, likely }
}

/// What is asked for before a run, in one round trip.
struct First {
    values: Vec<(String, Bytes)>,
    life: Duration,
    lease: Option<(Lease, Bytes)>,
    lease_life: Duration,
    stripes: Option<Vec<String>>,
}

/// What was taken note of before a run.
struct Preconditions {
    ensured: Vec<Bytes>,
    leased: Leased,
    stripes: Option<Vec<Option<Bytes>>>,
}

/// Whose a lease is that was asked for.
enum Leased {
    Ours(Lease),
    Theirs,
    /// None was asked for, or nobody knows: the handler runs all the same.
    None,
}

impl First {
    fn of(remote: &Remote, start: &Start<'_>) -> Self {
        let Start {
            errand, fetched, ..
        } = start;
        let Offered { values, likely } = offered(errand.nonces(), fetched.nonces());
        let lease = start.lease.then(|| {
            let errand = fetched.variant.as_ref().unwrap_or(errand);
            let lease = Lease::new(errand.lease().to_owned(), &remote.queue);
            (lease, claim(&likely))
        });
        Self {
            values,
            life: start.life.saturating_add(SLACK).min(LONGEST_LIFE),
            lease,
            lease_life: remote.lease_life,
            stripes: start.tags.then(|| remote.stripes()),
        }
    }

    async fn take(self, store: Arc<dyn Store>) -> Result<Preconditions, StoreError> {
        let ensured = ensured(&*store, &self.values, self.life);
        let leased = lease(&*store, self.lease, self.lease_life);
        let stripes = async {
            let names = self.stripes?;
            ensured_stripes(&*store, names).await.ok()
        };
        let (ensured, leased, stripes) = join3(ensured, leased, stripes).await;
        Ok(Preconditions {
            ensured: ensured?,
            leased,
            stripes,
        })
    }
}

async fn lease(store: &dyn Store, asked: Option<(Lease, Bytes)>, life: Duration) -> Leased {
    let Some((lease, claim)) = asked else {
        return Leased::None;
    };
    match added(store, lease.name(), &claim, life).await {
        Ok(there) if there == claim => Leased::Ours(lease),
        Ok(_) => {
            lease.leave();
            Leased::Theirs
        }
        Err(_) => Leased::None,
    }
}

/// The value of a lease, which is `claim` where there was none, or a foreign value in its place.
async fn added(
    store: &dyn Store,
    name: &str,
    claim: &Bytes,
    life: Duration,
) -> Result<Bytes, StoreError> {
    let there = store.add(name, claim.clone(), life).await?;
    if is_of_a_lease(&there) {
        return Ok(there);
    }
    warn_of_foreign_value();
    store.delete(name).await?;
    store.add(name, claim.clone(), life).await
}

/// The stripes as they are; those that were absent are there afterwards, for the next run.
async fn ensured_stripes(
    store: &dyn Store,
    names: Vec<String>,
) -> Result<Vec<Option<Bytes>>, StoreError> {
    let mut found = store.get_many(&names).await?;
    for stripe in &mut found {
        // A foreign value is replaced as though it was absent.
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
    let made = ensured(store, &offers(&absent), STRIPE_LIFE).await?;
    let mut made = made.into_iter();
    Ok(found
        .into_iter()
        .map(|stripe| stripe.or_else(|| made.next()))
        .collect())
}

/// [`Store::ensure`] of nonces. Foreign values in their places are deleted, which invalidates and nothing
/// more, and asked for once more.
pub(crate) async fn ensured(
    store: &dyn Store,
    values: &[(String, Bytes)],
    life: Duration,
) -> Result<Vec<Bytes>, StoreError> {
    let ensured = store.ensure(values, life).await?;
    let both = values.iter().zip(&ensured);
    let foreign = both.filter(|(_, there)| Nonce::from_slice(there).is_none());
    let foreign: Vec<_> = foreign.map(|((name, _), _)| name.clone()).collect();
    if foreign.is_empty() {
        return Ok(ensured);
    }
    warn_of_foreign_value();
    store.delete_many(&foreign).await?;
    store.ensure(values, life).await
}

/// The nonces that a store has given, if that is what they are.
pub(crate) fn nonces(given: &[Bytes]) -> Option<Vec<Nonce>> {
    given.iter().map(|nonce| Nonce::from_slice(nonce)).collect()
}

fn foreign() -> CallError {
    let kind = StoreErrorKind::Protocol;
    let message = "a name of a nonce holds something else again and again: give this cache a \
                   `namespace(..)` under which nothing else writes";
    CallError::Failed(StoreError::new(kind, message))
}

/// A new nonce for each name, where it has none.
pub(crate) fn offers(names: &[String]) -> Vec<(String, Bytes)> {
    let offer = |name: &String| {
        let nonce = Nonce::random();
        (name.clone(), Bytes::copy_from_slice(nonce.as_bytes()))
    };
    names.iter().map(offer).collect()
}
