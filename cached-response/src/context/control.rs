//! What a running handler says about its own response.
//!
//! The handler's future is polled with a thread-local pointing at its control, so the free
//! functions find it wherever they are called from inside that future, after awaits too. A
//! [`CacheHandle`](crate::context::CacheHandle) carries the same control to other tasks and threads.

use crate::{
    entry::StoredResponse,
    invalidation::tags,
    key::{
        Key,
        vary::{Extension, Selector},
    },
    metrics::reason::{RunReason, Skip},
};
use actix_web::{HttpMessage, HttpRequest};
use pin_project_lite::pin_project;
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

/// What a run makes: a key of one cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Product {
    cache: usize,
    key: Key,
}

impl Product {
    /// `cache` tells the caches of the process apart.
    pub(crate) fn new(cache: usize, key: &Key) -> Self {
        Self {
            cache,
            key: key.clone(),
        }
    }
}

/// The words of one handler about one response.
#[derive(Debug, Default)]
pub(crate) struct RunContext {
    said: Mutex<State>,
    /// What the run makes.
    product: OnceLock<Product>,
}

#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "words that are said or not, each for itself"
)]
struct State {
    /// What the handler makes is no response to keep, but a failure.
    failed: bool,
    reason: RunReason,
    /// What is against storing the response.
    refusal: Option<Skip>,
    tags: Vec<String>,
    /// The tags have been asked for: what is named now comes too late.
    tagged: bool,
    /// Another door has taken over the request inside this run.
    taken_over: bool,
    timeout: Option<Duration>,
    /// What may be validated in place of being made anew.
    previous: Option<Arc<StoredResponse>>,
    /// The handler has asked for it, and was given it.
    shown: bool,
    /// The previous response would be the same again.
    unchanged: bool,
    read: Vec<Selector>,
    /// The values in the request's extensions that were read: other than the rest of a request,
    /// they may change.
    seen: Vec<(Extension, Option<Vec<u8>>)>,
}

impl RunContext {
    /// The control of this request, made on first use.
    pub(crate) fn of(request: &HttpRequest) -> Arc<Self> {
        if let Some(found) = request.extensions().get::<Arc<Self>>() {
            return found.clone();
        }
        let control = Arc::<Self>::default();
        request.extensions_mut().insert(control.clone());
        control
    }

    /// Notes what the run makes, before it starts.
    pub(crate) fn makes(&self, product: Product) {
        // A control is of one run; of a second, within the same request, it does not matter which.
        let _ = self.product.set(product);
    }

    pub(crate) fn product(&self) -> Option<Product> {
        self.product.get().cloned()
    }

    /// Shows that a run with this control is under way, to whichever doors the request comes to
    /// inside it.
    pub(crate) fn show(self: &Arc<Self>, request: &HttpRequest) {
        request.extensions_mut().insert(UnderWay(self.clone()));
    }

    /// At a door: tells the run that the request is part of, if any, that its own rules end here.
    /// What is said from now on is said to the door's own control.
    pub(crate) fn take_over(request: &HttpRequest) {
        if !request.extensions().contains::<UnderWay>() {
            return;
        }
        let mut extensions = request.extensions_mut();
        extensions.remove::<Arc<Self>>();
        if let Some(UnderWay(outer)) = extensions.remove() {
            outer.said().taken_over = true;
        }
    }

    pub(crate) fn is_taken_over(&self) -> bool {
        self.said().taken_over
    }

    pub(crate) fn disable(&self) {
        self.said().refusal = Some(Skip::Disabled);
    }

    pub(crate) fn set_timeout(&self, timeout: Duration) {
        self.said().timeout = Some(timeout);
    }

    fn said(&self) -> std::sync::MutexGuard<'_, State> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the response depends on this part of the request.
    pub(crate) fn read(&self, name: Selector) {
        let mut said = self.said();
        if !said.read.contains(&name) {
            said.read.push(name);
        }
    }

    /// Notes a value in the extensions as it was when it was read.
    pub(crate) fn saw(&self, extension: Extension, value: Option<Vec<u8>>) {
        let mut said = self.said();
        let seen = (extension, value);
        if !said.seen.contains(&seen) {
            said.seen.push(seen);
        }
    }

    /// Whether `request` would still select what was read of it.
    pub(crate) fn is_as_read(&self, request: &HttpRequest) -> bool {
        let seen = self.said().seen.clone();
        seen.iter()
            .all(|(extension, value)| (extension.value)(request) == *value)
    }

    pub(crate) fn names_read(&self) -> Vec<Selector> {
        self.said().read.clone()
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.said().timeout
    }

    /// Before the run starts: why it does, and what it may validate.
    pub(crate) fn start(&self, reason: RunReason, previous: Option<Arc<StoredResponse>>) {
        let mut said = self.said();
        said.reason = reason;
        said.previous = previous;
    }

    pub(crate) fn reason(&self) -> RunReason {
        self.said().reason
    }

    pub(crate) fn fail(&self) {
        self.said().failed = true;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.said().failed
    }

    pub(crate) fn previous(&self) -> Option<Arc<StoredResponse>> {
        self.said().previous.clone()
    }

    /// The previous response, for the handler to validate.
    pub(crate) fn show_previous(&self) -> Option<Arc<StoredResponse>> {
        let mut said = self.said();
        said.shown = said.previous.is_some();
        said.previous.clone()
    }

    /// Notes that the previous response would be the same again.
    pub(crate) fn set_unchanged(&self) {
        self.said().unchanged = true;
    }

    /// The previous response, where a 304 of this run says that it would be the same again. That of
    /// a handler which was shown it says so by itself, unless the client has `asked` for a 304.
    pub(crate) fn validated(&self, asked: bool) -> Option<Arc<StoredResponse>> {
        let said = self.said();
        let validated = said.unchanged || (said.shown && !asked);
        said.previous.clone().filter(|_| validated)
    }

    /// Names a tag; whether that was in time.
    #[must_use]
    pub(crate) fn tag(&self, tag: &str) -> bool {
        let mut said = self.said();
        if said.tags.iter().any(|known| known == tag) {
            return true;
        }
        if said.tagged {
            return false;
        }
        if said.tags.len() == tags::MOST || tag.len() > tags::LONGEST {
            said.refusal.get_or_insert(Skip::Tags);
        } else {
            said.tags.push(tag.to_owned());
        }
        true
    }

    /// The tags that were named until now, which are all.
    pub(crate) fn last_tags(&self) -> Vec<String> {
        let mut said = self.said();
        said.tagged = true;
        said.tags.clone()
    }

    /// Notes that the response has tags that it cannot have: no invalidation would find it.
    pub(crate) fn refuse_tags(&self) {
        self.refuse(Skip::Tags);
    }

    /// Notes what is against storing the response, whatever it will be.
    pub(crate) fn refuse(&self, why: Skip) {
        self.said().refusal.get_or_insert(why);
    }

    /// Notes that the response is of an extractor that has refused an argument, and not the handler's.
    pub(crate) fn refuse_extraction(request: &HttpRequest) {
        Self::of(request).refuse(Skip::Error);
    }

    /// What has been said against storing the response.
    pub(crate) fn refusal(&self) -> Option<Skip> {
        let said = self.said();
        if said.failed {
            return Some(Skip::Failed);
        }
        said.refusal
    }
}

/// The control of the run that a request is part of.
struct UnderWay(Arc<RunContext>);

thread_local! {
    static CURRENT: RefCell<Option<Arc<RunContext>>> = const { RefCell::new(None) };
}

/// Sets `control` for as long as `inside` runs.
pub(crate) fn scope<R>(control: &Arc<RunContext>, inside: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<RunContext>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with_borrow_mut(|current| *current = self.0.take());
        }
    }
    let _restore = Restore(CURRENT.with_borrow_mut(|current| current.replace(control.clone())));
    inside()
}

pin_project! {
    /// A future that finds its control in every poll.
    pub(crate) struct Scoped<F> {
        #[pin]
        future: F,
        control: Arc<RunContext>,
    }
}

impl<F> Scoped<F> {
    pub(crate) fn new(control: Arc<RunContext>, future: F) -> Self {
        Self { future, control }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        scope(this.control, || this.future.poll(cx))
    }
}

/// The state around each poll of a handler's body.
pub(crate) trait Scope {
    /// Calls `poll` once within the scope, and leaves the scope also where `poll` panics.
    fn enter(&self, poll: &mut dyn FnMut());
}

impl Scope for () {
    fn enter(&self, poll: &mut dyn FnMut()) {
        poll();
    }
}

impl Scope for Arc<RunContext> {
    fn enter(&self, poll: &mut dyn FnMut()) {
        scope(self, poll);
    }
}

/// The control of the run that is being polled on this thread.
pub(crate) fn current() -> Option<Arc<RunContext>> {
    CURRENT.with_borrow(Clone::clone)
}

pub(crate) fn tell(what: &str, say: impl FnOnce(&Arc<RunContext>)) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    match current() {
        Some(control) => say(&control),
        None if !WARNED.swap(true, Relaxed) => tracing::warn!(
            "`{what}` was called outside a cached handler and does nothing there; in a spawned task or in `web::block`, take a `CacheHandle` as an argument of the handler and use its method of that name"
        ),
        None => {}
    }
}
