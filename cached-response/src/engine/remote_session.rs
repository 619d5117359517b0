//! A look at the remote store, for what another process has stored or is about to store.

use crate::{
    engine::context::{RequestContext, RouteContext, rules},
    entry::{StoredResponse, codec::NameList},
    http::{
        freshness,
        storable::{self, ResponseHead},
    },
    invalidation::generations::Target,
    key::vary::Variant,
    memory::variants,
    remote::{
        RemoteTier,
        budget::Budget,
        entry_key::RemoteKey,
        error::CallError,
        lease::LeaseState,
        read::{Fetched, ReadMode, RemoteReader, VariantSelector},
        write::{Prepared, PreparedWrite, WriteRequest},
    },
};
use actix_web::{HttpRequest, http::header::HeaderMap};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// What is looked for in the remote store: a response to a request, or a value.
///
/// It is a type of its own for each, since a request stays on its thread, and whoever asks for a value
/// need not.
pub(crate) trait Subject: VariantSelector {
    /// What of it can be invalidated.
    fn target(&self) -> Target<'_>;

    /// The request, where it is a response.
    fn request(&self) -> Option<&HttpRequest>;
}

impl VariantSelector for &RequestContext {
    fn variant(self, list: &NameList) -> Option<Variant> {
        (&self.request).variant(list)
    }
}

impl Subject for &RequestContext {
    fn target(&self) -> Target<'_> {
        RequestContext::target(self)
    }

    fn request(&self) -> Option<&HttpRequest> {
        Some(&self.request)
    }
}

/// A value, by the tags that it has from the start.
#[derive(Clone, Copy)]
pub(crate) struct ValueOf<'a>(pub(crate) &'a [String]);

impl VariantSelector for ValueOf<'_> {
    fn variant(self, _: &NameList) -> Option<Variant> {
        None
    }
}

impl Subject for ValueOf<'_> {
    fn target(&self) -> Target<'_> {
        Target::Value(self.0)
    }

    fn request(&self) -> Option<&HttpRequest> {
        None
    }
}

/// Where a response or a value lies in the remote store, and who asks for it.
pub(crate) struct RemoteSession<'a, S> {
    remote: Arc<RemoteTier>,
    station: &'a RouteContext,
    subject: S,
    errand: Arc<RemoteKey>,
    allowance: Arc<Budget>,
}

/// How a search has ended.
pub(crate) enum Sought {
    /// What was found answers.
    Answered,
    /// There is nothing: a run is needed, and this is what its response goes there by.
    Run(Option<Box<PreparedWrite>>),
}

/// First it is looked for again after this time, and then after twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(80);

/// How long a response is likely to be kept where only itself can say.
const LIKELY_LIFE: Duration = Duration::from_secs(60 * 60);

impl<'a, S: Subject> RemoteSession<'a, S> {
    /// `None` where there is no remote store, or nothing may be stored there.
    pub(crate) fn of(
        station: &'a RouteContext,
        key: &[u8],
        subject: S,
        allowance: &mut Option<Arc<Budget>>,
    ) -> Option<Self> {
        let remote = station.shared().remote.clone()?;
        let limits = &station.shared().limits;
        let longest = station
            .site
            .config
            .policy
            .max_body_bytes
            .unwrap_or(limits.max_body_bytes);
        let found = remote.key(&station.site, key, subject.target(), longest);
        let is_new = found.as_ref().is_none_or(|(_, is_new)| *is_new);
        if let Some(request) = subject.request().filter(|_| is_new) {
            station.shared().routes.note(&station.site, request);
        }
        let (errand, _) = found?;
        Some(Self {
            allowance: allowance
                .get_or_insert_with(|| Arc::new(remote.budget()))
                .clone(),
            remote,
            station,
            subject,
            errand,
        })
    }

    /// What lies there, if it may answer by the rules of this process, too.
    pub(crate) async fn fetch(&self, want: ReadMode) -> Result<Fetched, CallError> {
        self.fetch_within(want, &self.allowance).await
    }

    async fn fetch_within(&self, want: ReadMode, allowance: &Budget) -> Result<Fetched, CallError> {
        let mut fetched = self
            .reader(allowance)
            .fetch(&self.errand, self.subject, want)
            .await?;
        fetched.response = fetched.response.filter(|stored| {
            let tried = self
                .subject
                .request()
                .is_none_or(|request| variants::is_tried(stored, request));
            tried && self.permits(stored)
        });
        Ok(fetched)
    }

    /// Whether what memory holds is in step with the store.
    pub(crate) async fn check(&self, stored: &StoredResponse) -> bool {
        let reader = self.reader(&self.allowance);
        reader.verify(&self.errand, stored).await.unwrap_or(false)
    }

    fn reader<'r>(&'r self, allowance: &'r Budget) -> RemoteReader<'r> {
        let shared = self.station.shared();
        let site = &self.station.site;
        let snapshot = self
            .errand
            .snapshot(&shared.generations, self.subject.target());
        RemoteReader::new(&self.remote, allowance, site, snapshot)
    }

    /// Looks for a response until there is one that `answers`, or nobody is about to make one.
    pub(crate) async fn seek(
        &self,
        found: Option<Fetched>,
        mut answers: impl FnMut(Box<StoredResponse>) -> bool,
    ) -> Sought {
        let mut waited = false;
        let mut allowance = self.allowance.clone();
        let mut fetched = match found {
            Some(fetched) => fetched,
            None => match self.fetch(ReadMode::Whole).await {
                Ok(fetched) => fetched,
                Err(_) => return Sought::Run(None),
            },
        };
        loop {
            if let Some(stored) = fetched.response.take()
                && answers(stored)
            {
                return Sought::Answered;
            }
            let lease = fetched.variant.as_ref();
            let lease = lease.unwrap_or(&self.errand).lease_name().to_owned();
            if fetched.lease != Some(LeaseState::Running) || waited {
                // Whoever has waited once in vain does not make others wait.
                let leads = fetched.lease.is_none() && !waited;
                match self.start(fetched, leads, &allowance).await {
                    Ok(Prepared::Run(dispatch)) => return Sought::Run(Some(dispatch)),
                    Ok(Prepared::LeaseTaken) => {}
                    Err(_) => return Sought::Run(None),
                }
            }
            self.wait(&lease).await;
            waited = true;
            allowance = Arc::new(self.remote.budget());
            fetched = match self.fetch_within(ReadMode::Whole, &allowance).await {
                Ok(fetched) => fetched,
                Err(_) => return Sought::Run(None),
            };
        }
    }

    /// Waits while somebody else runs, but no longer than a lease may live. Only the lease is asked
    /// for: what lies there may be large.
    async fn wait(&self, lease: &str) {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        while began.elapsed() < self.remote.lease_ttl {
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            let allowance = self.remote.budget();
            let reader = self.reader(&allowance);
            let state = reader.lease_state(&self.errand, lease).await;
            if !matches!(state, Ok(Some(LeaseState::Running))) {
                return;
            }
        }
    }

    /// What a run is started with whose client wants no other response.
    pub(crate) async fn depart(&self) -> Option<Box<PreparedWrite>> {
        let start = self.start(Fetched::default(), false, &self.allowance);
        match start.await {
            Ok(Prepared::Run(dispatch)) => Some(dispatch),
            Ok(Prepared::LeaseTaken) | Err(_) => None,
        }
    }

    async fn start(
        &self,
        fetched: Fetched,
        lease: bool,
        allowance: &Budget,
    ) -> Result<Prepared, CallError> {
        let config = &self.station.site.config;
        let stale = rules(config, self.station.shared());
        let window = stale.longest_window();
        let unsaid = self.station.shared().limits.timeout;
        let life = config.policy.timeout.resolve(unsaid);
        let life = life.unwrap_or(LIKELY_LIFE);
        let request = WriteRequest {
            key: self.errand.clone(),
            fetched,
            lifetime: life.saturating_add(window),
            // Of a value nobody knows.
            sets_tags: self.subject.request().is_none() || self.station.site.names_tags(),
            takes_lease: lease,
            budget: allowance,
        };
        PreparedWrite::prepare(&self.remote, request).await
    }

    /// Whether a response from the store may be stored by the rules of this route: it was judged where
    /// it was made, and whoever can write to the store need not have.
    fn permits(&self, stored: &StoredResponse) -> bool {
        if self.subject.request().is_none() {
            return true;
        }
        let config = &self.station.site.config;
        if config.policy.timeout.response_stated().is_some() {
            // What its fields say may depend on the time.
            return self.judge(stored);
        }
        self.errand.permits(stored, || self.judge(stored))
    }

    fn judge(&self, stored: &StoredResponse) -> bool {
        let rules = self.station.site.config.storage_rules();
        let mut headers = HeaderMap::new();
        for (name, value) in stored.headers.iter() {
            if storable::reads_field(rules, name) {
                headers.append(name.clone(), value.clone());
            }
        }
        let date = self.station.shared().clock.date();
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
                // As it was then.
                at: freshness::dated(&headers, date).unwrap_or(date),
                delay: Duration::ZERO,
                // Its handler may have: how long it lives is settled.
                handler_ttl: Some(stored.lifetime),
            },
        );
        storable.is_ok()
    }
}
