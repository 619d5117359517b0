//! The remote reads of one request, and the write of its run: a stored response, or the lease of a process
//! that is about to write one.

use crate::{
    engine::{
        run::{HandlerRun, RunOutcome},
        subject::{Miss, RouteContext, Subject},
    },
    entry::StoredResponse,
    http::{
        freshness,
        storable::{self, ResponseHead},
    },
    memory::variants::{self, StoreOutcome},
    remote::{
        CallError, RemoteState, RemoteTier,
        client::Budget,
        entry_key::RemoteKey,
        lease::LeaseState,
        read::{Fetched, ReadMode, RemoteReader, VariantSelector},
        write::{NewEntry, Prepared, PreparedWrite, WriteRequest},
    },
};
use actix_web::{HttpRequest, http::header::HeaderMap};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

impl<S: Subject> VariantSelector for &S {
    fn request(&self) -> Option<&HttpRequest> {
        Subject::request(*self)
    }
}

/// The remote reads of one request, under its key and within its budget.
pub(crate) struct RemoteSession<'s, S> {
    remote: Arc<RemoteTier>,
    subject: &'s S,
    key: Arc<RemoteKey>,
    budget: Arc<Budget>,
}

/// The first interval between two reads of a lease; each one is twice as long as the one before.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(5);
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(80);

/// The lifetime that is assumed where only the response itself can set it.
const ASSUMED_LIFETIME: Duration = Duration::from_secs(60 * 60);

impl<'s, S: Subject> RemoteSession<'s, S> {
    /// `None` without a remote store, and where nothing may be stored there under this key.
    pub(crate) fn open(
        subject: &'s S,
        key: &[u8],
        budget: &mut Option<Arc<Budget>>,
    ) -> Option<Self> {
        let RouteContext { route, .. } = subject.context();
        let shared = subject.shared();
        let remote = shared.remote.clone()?;
        let longest = subject.context().max_body_bytes();
        let found = remote.key(route, key, subject.target(), longest);
        let is_new = found.as_ref().is_none_or(|(_, is_new)| *is_new);
        if let Some(request) = subject.request().filter(|_| is_new) {
            shared.note_route(route, request);
        }
        let (key, _) = found?;
        let new_budget = || Arc::new(remote.budget());
        Some(Self {
            budget: budget.get_or_insert_with(new_budget).clone(),
            remote,
            subject,
            key,
        })
    }

    /// Reads the stored response, where it may answer by the rules of this process, too.
    pub(crate) async fn fetch(&self, mode: ReadMode) -> Result<Fetched, CallError> {
        self.fetch_within(mode, &self.budget).await
    }

    async fn fetch_within(&self, mode: ReadMode, budget: &Budget) -> Result<Fetched, CallError> {
        let reader = self.reader(budget);
        let mut fetched = reader.fetch(&self.key, self.subject, mode).await?;
        fetched.response = fetched.response.filter(|stored| {
            let request = self.subject.request();
            let is_tried = request.is_none_or(|request| variants::is_tried(stored, request));
            is_tried && self.may_store(stored)
        });
        Ok(fetched)
    }

    /// Returns true where no invalidation is newer than the response from memory.
    pub(crate) async fn verify(&self, stored: &StoredResponse) -> bool {
        let reader = self.reader(&self.budget);
        reader.verify(&self.key, stored).await.unwrap_or(false)
    }

    fn reader<'r>(&'r self, budget: &'r Budget) -> RemoteReader<'r> {
        let shared = self.subject.shared();
        let route = &self.subject.context().route;
        let target = self.subject.target();
        let snapshot = self.key.snapshot(&shared.generations, target);
        RemoteReader::new(&self.remote, budget, route, snapshot)
    }

    /// Reads until there is a response that `answers`, or no other process is about to write one: then
    /// returns the prepared write of the run that is needed, as an error. Others wait for that run where
    /// its response `may_be_written`.
    pub(crate) async fn wait_or_run<A>(
        &self,
        found: Option<Fetched>,
        may_be_written: bool,
        mut answers: impl FnMut(Box<StoredResponse>) -> Option<A>,
    ) -> Result<A, Option<Box<PreparedWrite>>> {
        let mut has_waited = false;
        let mut budget = self.budget.clone();
        let mut fetched = match found {
            Some(fetched) => fetched,
            None => self.fetch(ReadMode::Whole).await.map_err(|_| None)?,
        };
        loop {
            if let Some(answer) = fetched.response.take().and_then(&mut answers) {
                return Ok(answer);
            }
            let lease = fetched.variant.as_ref();
            let lease = lease.unwrap_or(&self.key).lease_name().to_owned();
            if fetched.lease != Some(LeaseState::Running) || has_waited {
                // After one wait in vain it takes no lease that others would wait for.
                let takes_lease = may_be_written && fetched.lease.is_none() && !has_waited;
                match self.prepare(fetched, takes_lease, &budget).await {
                    Ok(Prepared::Run(write)) => return Err(Some(write)),
                    Ok(Prepared::LeaseTaken) => {}
                    Err(_) => return Err(None),
                }
            }
            self.wait(&lease).await;
            has_waited = true;
            budget = Arc::new(self.remote.budget());
            let read = self.fetch_within(ReadMode::Whole, &budget).await;
            fetched = read.map_err(|_| None)?;
        }
    }

    /// Waits for the run of another process, for as long as a lease may live. Only the lease is read:
    /// the response may be large.
    async fn wait(&self, lease: &str) {
        let began = Instant::now();
        let mut interval = MIN_POLL_INTERVAL;
        while began.elapsed() < self.remote.lease_ttl() {
            sleep(interval).await;
            interval = MAX_POLL_INTERVAL.min(interval * 2);
            let budget = self.remote.budget();
            let reader = self.reader(&budget);
            let state = reader.lease_state(&self.key, lease).await;
            if !matches!(state, Ok(Some(LeaseState::Running))) {
                return;
            }
        }
    }

    /// Prepares the write of a run whose client accepts no stored response.
    pub(crate) async fn prepare_write(&self) -> Option<Box<PreparedWrite>> {
        let prepared = self.prepare(Fetched::default(), false, &self.budget);
        match prepared.await {
            Ok(Prepared::Run(write)) => Some(write),
            Ok(Prepared::LeaseTaken) | Err(_) => None,
        }
    }

    async fn prepare(
        &self,
        fetched: Fetched,
        takes_lease: bool,
        budget: &Budget,
    ) -> Result<Prepared, CallError> {
        let context = self.subject.context();
        let default = context.shared().limits.timeout;
        let lifetime = context.route.config.policy.timeout.resolve(default);
        let lifetime = lifetime.unwrap_or(ASSUMED_LIFETIME);
        let request = WriteRequest {
            key: self.key.clone(),
            fetched,
            lifetime: lifetime.saturating_add(context.stale_rules().longest_window()),
            // Whether a value has tags is not known before its computation.
            sets_tags: self.subject.request().is_none() || context.route.names_tags(),
            takes_lease,
            budget,
        };
        PreparedWrite::prepare(&self.remote, request).await
    }

    /// Returns true where the rules of this route allow the response to be stored: it was judged by
    /// the process that made it, and others may write to the store.
    fn may_store(&self, stored: &StoredResponse) -> bool {
        if self.subject.request().is_none() {
            return true;
        }
        let config = &self.subject.context().route.config;
        if config.policy.timeout.response_stated().is_some() {
            // The judgement of its fields may depend on the time.
            return self.is_storable(stored);
        }
        self.key.permits(stored, || self.is_storable(stored))
    }

    fn is_storable(&self, stored: &StoredResponse) -> bool {
        let rules = self.subject.context().route.config.storage_rules();
        let mut headers = HeaderMap::new();
        for (name, value) in stored.headers.iter() {
            if storable::reads_field(rules, name) {
                headers.append(name.clone(), value.clone());
            }
        }
        let date = self.subject.shared().clock.date();
        let storable = storable::storability(
            rules,
            &ResponseHead {
                status: stored.status,
                headers: &headers,
                error: false,
                upgrade: false,
                head: false,
                authorized: false,
                origin: None,
                // Judged at the time of its creation.
                at: freshness::dated(&headers, date).unwrap_or(date),
                delay: Duration::ZERO,
                // Its handler may have set it: its lifetime is settled.
                handler_ttl: Some(stored.lifetime),
            },
        );
        storable.is_ok()
    }
}

/// Returns true where the response of a run may be written as far as its arguments are concerned: of those
/// that are extracted before the nonces are read, it must be known that they are not older.
pub(crate) fn may_write<S: Subject>(subject: &S, remote: &RemoteState) -> bool {
    !subject.context().route.config.extracts_before_lookup() || remote.known_nonces.is_some()
}

/// Returns true where the response of the run may be written to the remote store.
pub(crate) fn will_store(run: &HandlerRun, stored: &StoredResponse) -> bool {
    let Some(write) = &run.miss.remote.write else {
        return false;
    };
    let tags = run.run_context.final_tags();
    // The tags of a validated response were named by another run.
    if run.unchanged && stored.tag_snapshot.seen().len() > tags.len() {
        return false;
    }
    if !run.context.route.config.extracts_before_lookup() {
        return write.has_stripes_of(&tags);
    }
    // Its arguments may be older than nonces that were read after them: those of its tags are.
    let known = run.miss.remote.known_nonces.as_deref();
    tags.is_empty() && write.has_nonces(known)
}

/// Ends the write: queues the response that the run has made, or gives up the lease.
pub(crate) fn finish(run: &mut HandlerRun, request: Option<&HttpRequest>, outcome: &RunOutcome) {
    let stored = match outcome {
        RunOutcome::Put(StoreOutcome::Stored(stored)) => Some(stored.clone()),
        _ => None,
    };
    let is_written = stored
        .as_ref()
        .is_some_and(|stored| will_store(run, stored));
    let Some(write) = run.miss.remote.write.take() else {
        return;
    };
    if let RunOutcome::NotStored(why) = outcome {
        return write.not_stored(*why);
    }
    let tags = run.run_context.final_tags();
    if !tags.is_empty() {
        run.context.route.note_tags();
    }
    match stored {
        Some(stored) if is_written => write.enqueue(NewEntry {
            stored,
            request,
            tags,
        }),
        Some(stored) if run.context.route.config.extracts_before_lookup() => {
            write.note_nonces(&stored);
        }
        _ => {}
    }
}

/// Deletes the entry that the run was to replace and that its handler has outdated.
pub(crate) fn delete_outdated(miss: &Miss, stored: &StoredResponse) {
    if let Some(write) = &miss.remote.write {
        write.delete_outdated(stored);
    }
}
