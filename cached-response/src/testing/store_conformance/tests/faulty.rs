//! Store with a planted fault.

use crate::{
    store::{Bus, Store, StoreError, StoreErrorKind, StoreFuture, StoredValue, Subscription},
    testing::in_process_store::InProcessStore,
};
use actix_web::web::Bytes;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::yield_now;

const FOREVER: Duration = Duration::from_secs(1 << 32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    ForgetsTimeouts,
    ZeroIsForEver,
    LivesTooLong,
    SaysTooMuchIsLeft,
    ForgetsLongLives,
    CutsWhatIsLong,
    IgnoresTheLimit,
    LosesWhatIsEmpty,
    KeepsWhatWasTooLargeToReplace,
    DoesNotDelete,
    RemembersWhatItRead,
    MixesLongNames,
    MixesCases,
    RevivesInEnsure,
    RevivesInARace,
    EnsuresTooShortly,
    AddsOverWhatIsThere,
    GetsManyInAnotherOrder,
    HangsAfterADrop,
    FailsNowAndThen,
    TellsOnlyOthers,
}

/// Store that implements the required methods and has at most one fault.
pub(super) struct Faulty {
    store: InProcessStore,
    fault: Fault,
    seen: Arc<Mutex<BTreeMap<String, Bytes>>>,
    busy: Arc<AtomicBool>,
}

impl Faulty {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            store: InProcessStore::new(),
            fault,
            seen: Arc::default(),
            busy: Arc::default(),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn name(&self, name: &str) -> String {
        match self.fault {
            Fault::MixesLongNames => name.chars().take(250).collect(),
            Fault::MixesCases => name.to_lowercase(),
            _ => name.to_owned(),
        }
    }

    fn timeout(&self, asked: Duration) -> Duration {
        match self.fault {
            Fault::ForgetsTimeouts => FOREVER,
            Fault::ZeroIsForEver if asked.as_secs() == 0 => FOREVER,
            Fault::LivesTooLong if asked.as_secs() < 30 => asked + Duration::from_millis(300),
            Fault::ForgetsLongLives if asked.as_secs() > 30 * 86_400 => Duration::ZERO,
            _ => asked,
        }
    }

    fn left(&self, left: Duration) -> Duration {
        match self.fault {
            Fault::SaysTooMuchIsLeft => left + Duration::from_millis(500),
            // It reports the lifetime that was requested.
            Fault::LivesTooLong => left.saturating_sub(Duration::from_millis(300)),
            _ => left,
        }
    }
}

impl Store for Faulty {
    fn get<'a>(&'a self, name: &'a str, limit: usize) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move {
            let name = self.name(name);
            if self.has(Fault::HangsAfterADrop) {
                assert!(!self.busy.swap(true, Ordering::SeqCst), "out of step");
                yield_now().await;
                self.busy.store(false, Ordering::SeqCst);
            }
            let limit = if self.has(Fault::IgnoresTheLimit) {
                usize::MAX
            } else {
                limit
            };
            let mut kept = self.store.get(&name, limit).await?;
            if self.has(Fault::RemembersWhatItRead) {
                let mut seen = self.seen.lock().unwrap();
                if let Some(kept) = &kept {
                    seen.insert(name, kept.bytes.clone());
                } else {
                    kept = seen
                        .get(&name)
                        .map(|bytes| StoredValue::new(bytes.clone(), Duration::ZERO));
                }
            }
            if let Some(kept) = kept.as_mut() {
                kept.left = self.left(kept.left);
            }
            Ok(kept)
        })
    }

    fn set<'a>(
        &'a self,
        name: &'a str,
        mut bytes: Bytes,
        timeout: Duration,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            match self.fault {
                Fault::CutsWhatIsLong => bytes.truncate(65_536),
                Fault::LosesWhatIsEmpty if bytes.is_empty() => return Ok(()),
                Fault::KeepsWhatWasTooLargeToReplace if bytes.len() > 500_000 => {
                    return Err(StoreError::new(StoreErrorKind::Refused, "too large"));
                }
                Fault::FailsNowAndThen if bytes == "7" => {
                    return Err(StoreError::new(StoreErrorKind::Unreachable, "no luck"));
                }
                _ => {}
            }
            let name = self.name(name);
            self.store.set(&name, bytes, self.timeout(timeout)).await
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if self.has(Fault::DoesNotDelete) {
                return Ok(());
            }
            self.store.delete(&self.name(name)).await
        })
    }

    fn get_many<'a>(&'a self, names: &'a [String]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for name in names {
                found.push(self.get(name, 64).await?.map(|kept| kept.bytes));
            }
            if self.has(Fault::GetsManyInAnotherOrder) {
                found.sort();
            }
            Ok(found)
        })
    }

    fn add<'a>(&'a self, name: &'a str, bytes: Bytes, timeout: Duration) -> StoreFuture<'a, Bytes> {
        Box::pin(async move {
            match self.get(name, 64).await? {
                Some(kept) if !self.has(Fault::AddsOverWhatIsThere) => return Ok(kept.bytes),
                _ => self.set(name, bytes.clone(), timeout).await?,
            }
            Ok(bytes)
        })
    }

    fn ensure<'a>(
        &'a self,
        values: &'a [(String, Bytes)],
        life: Duration,
    ) -> StoreFuture<'a, Vec<Bytes>> {
        Box::pin(async move {
            let mut ensured = Vec::new();
            for (name, given) in values {
                let found = self.get(name, 64).await?;
                let revived = self.seen.lock().unwrap().get(name).cloned();
                ensured.push(match found {
                    Some(kept) if kept.left >= life || self.has(Fault::EnsuresTooShortly) => {
                        kept.bytes
                    }
                    Some(kept) if self.has(Fault::RevivesInARace) => {
                        yield_now().await;
                        self.set(name, kept.bytes.clone(), life * 4).await?;
                        kept.bytes
                    }
                    _ => {
                        let value = revived
                            .filter(|_| self.has(Fault::RevivesInEnsure))
                            .unwrap_or_else(|| given.clone());
                        self.set(name, value.clone(), life * 4).await?;
                        self.seen
                            .lock()
                            .unwrap()
                            .insert(name.clone(), value.clone());
                        value
                    }
                });
            }
            Ok(ensured)
        })
    }

    fn bus(&self) -> Option<&dyn Bus> {
        self.has(Fault::TellsOnlyOthers).then_some(self)
    }
}

impl Bus for Faulty {
    fn publish<'a>(&'a self, channel: &'a str, message: Bytes) -> StoreFuture<'a, ()> {
        self.store.publish(channel, message)
    }

    fn subscribe<'a>(&'a self, _channel: &'a str) -> StoreFuture<'a, Box<dyn Subscription>> {
        self.store.subscribe("of somebody else")
    }
}
