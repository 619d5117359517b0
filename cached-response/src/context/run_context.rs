//! The context of a run: the calls of a handler about its own response.
//!
//! The handler's future is polled with a thread-local that points at its context, so the free functions
//! find it wherever they are called inside that future, after awaits too. A
//! [`CacheHandle`](crate::context::CacheHandle) carries the same context to other tasks and threads.

use crate::{
    entry::StoredResponse,
    invalidation::{registry::RESERVED, tags},
    key::{
        Key,
        vary::{Extension, Selector},
    },
    metrics::{
        event::TARGET,
        reason::{RunReason, Skip},
    },
    util::sync::lock,
};
use actix_web::{HttpMessage, HttpRequest};
use pin_project_lite::pin_project;
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

/// A node of the graph of waiting runs: the key that a run is for, in one cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WaitNode {
    cache: usize,
    key: Key,
}

impl WaitNode {
    /// `cache` distinguishes the caches of the process.
    pub(crate) fn new(cache: usize, key: &Key) -> Self {
        Self {
            cache,
            key: key.clone(),
        }
    }
}

/// The calls of one handler about one response.
#[derive(Debug, Default)]
pub(crate) struct RunContext {
    state: Mutex<State>,
    wait_node: OnceLock<WaitNode>,
}

#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "calls that were made or not, independent of each other"
)]
struct State {
    /// The handler has called `mark_failed()`.
    failed: bool,
    reason: RunReason,
    /// The reason not to store the response.
    refusal: Option<Skip>,
    tags: Vec<String>,
    /// The tags were read: a later one is lost.
    tags_closed: bool,
    /// A tag was refused.
    tags_lost: bool,
    /// Another cached handler has taken over the request inside this run.
    taken_over: bool,
    timeout: Option<Duration>,
    /// The stored response that the run may validate.
    previous: Option<Arc<StoredResponse>>,
    /// The handler has called `stale_response()`, and was given it.
    previous_read: bool,
    /// The handler has validated the previous response.
    unchanged: bool,
    /// The parts of the request that the handler has read.
    read: Vec<Selector>,
    /// The values of request extensions that were read: unlike the rest of a request, they may change.
    extensions: Vec<(Extension, Option<Vec<u8>>)>,
}

impl RunContext {
    /// The context of this request, created on first use.
    pub(crate) fn of(request: &HttpRequest) -> Arc<Self> {
        if let Some(found) = request.extensions().get::<Arc<Self>>() {
            return found.clone();
        }
        let run_context = Arc::<Self>::default();
        request.extensions_mut().insert(run_context.clone());
        run_context
    }

    /// Sets the node of the run, before it starts.
    pub(crate) fn set_wait_node(&self, node: WaitNode) {
        // A context is of one run; a second one within the same request keeps the node of the first.
        let _ = self.wait_node.set(node);
    }

    pub(crate) fn wait_node(&self) -> Option<WaitNode> {
        self.wait_node.get().cloned()
    }

    /// Attaches it to the request, for cached handlers that the request reaches inside this run.
    pub(crate) fn attach(self: &Arc<Self>, request: &HttpRequest) {
        request.extensions_mut().insert(OuterRun(self.clone()));
    }

    /// Takes the request over from the run that it is part of, if there is one: calls from now on are
    /// about the response of an inner cached handler.
    pub(crate) fn take_over(request: &HttpRequest) {
        if !request.extensions().contains::<OuterRun>() {
            return;
        }
        let mut extensions = request.extensions_mut();
        extensions.remove::<Arc<Self>>();
        if let Some(OuterRun(outer)) = extensions.remove() {
            outer.state().taken_over = true;
        }
    }

    pub(crate) fn is_taken_over(&self) -> bool {
        self.state().taken_over
    }

    pub(crate) fn disable(&self) {
        self.state().refusal = Some(Skip::Disabled);
    }

    pub(crate) fn set_timeout(&self, timeout: Duration) {
        self.state().timeout = Some(timeout);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Notes that the response depends on this part of the request.
    pub(crate) fn read(&self, name: Selector) {
        let mut state = self.state();
        if !state.read.contains(&name) {
            state.read.push(name);
        }
    }

    /// Notes a value of the request extensions as it was when it was read.
    pub(crate) fn read_extension(&self, extension: Extension, value: Option<Vec<u8>>) {
        let mut state = self.state();
        let read = (extension, value);
        if !state.extensions.contains(&read) {
            state.extensions.push(read);
        }
    }

    /// Returns true where the extensions of `request` still have the values that were read.
    pub(crate) fn is_as_read(&self, request: &HttpRequest) -> bool {
        let extensions = self.state().extensions.clone();
        extensions
            .iter()
            .all(|(extension, value)| (extension.value)(request) == *value)
    }

    pub(crate) fn names_read(&self) -> Vec<Selector> {
        self.state().read.clone()
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.state().timeout
    }

    /// Sets the reason of the run and the response that it may validate, before it starts.
    pub(crate) fn start(&self, reason: RunReason, previous: Option<Arc<StoredResponse>>) {
        let mut state = self.state();
        state.reason = reason;
        state.previous = previous;
    }

    pub(crate) fn reason(&self) -> RunReason {
        self.state().reason
    }

    pub(crate) fn mark_failed(&self) {
        self.state().failed = true;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state().failed
    }

    pub(crate) fn previous(&self) -> Option<Arc<StoredResponse>> {
        self.state().previous.clone()
    }

    /// The previous response, for a handler that asks for it.
    pub(crate) fn read_previous(&self) -> Option<Arc<StoredResponse>> {
        let mut state = self.state();
        state.previous_read = state.previous.is_some();
        state.previous.clone()
    }

    /// Notes that the handler has validated the previous response.
    pub(crate) fn set_unchanged(&self) {
        self.state().unchanged = true;
    }

    /// The previous response, where a 304 of this run validates it. A handler that has read it may
    /// return a 304 of its own, unless the request is `conditional`.
    pub(crate) fn validated(&self, conditional: bool) -> Option<Arc<StoredResponse>> {
        let state = self.state();
        let validated = state.unchanged || (state.previous_read && !conditional);
        state.previous.clone().filter(|_| validated)
    }

    /// Adds a tag; returns false where the tags were read before.
    #[must_use]
    pub(crate) fn tag(&self, tag: &str) -> bool {
        let mut state = self.state();
        if state.tags.iter().any(|known| known == tag) {
            return true;
        }
        if state.tags_closed {
            return false;
        }
        let is_usable = tag.len() <= tags::MAX_TAG_BYTES && !tag.starts_with(RESERVED);
        if state.tags.len() == tags::MAX_TAGS || !is_usable {
            state.tags_lost = true;
            state.refusal.get_or_insert(Skip::Tags);
        } else {
            state.tags.push(tag.to_owned());
        }
        true
    }

    /// Returns true where a tag was refused, so that the response lacks it.
    pub(crate) fn has_lost_tags(&self) -> bool {
        self.state().tags_lost
    }

    /// Adds the tag of the route, of which a middleware learns when it has answered.
    pub(crate) fn tag_route(&self, tag: &str) {
        self.state().tags.push(tag.to_owned());
    }

    /// The tags so far.
    pub(crate) fn tags(&self) -> Vec<String> {
        self.state().tags.clone()
    }

    /// Reads the tags, which are final then.
    pub(crate) fn final_tags(&self) -> Vec<String> {
        let mut state = self.state();
        state.tags_closed = true;
        state.tags.clone()
    }

    /// Adds a reason not to store the response, whatever it will be.
    pub(crate) fn refuse(&self, why: Skip) {
        self.state().refusal.get_or_insert(why);
    }

    /// Notes that the response is that of a failed extractor, and not the handler's.
    pub(crate) fn refuse_extraction(request: &HttpRequest) {
        Self::of(request).refuse(Skip::Error);
    }

    /// The reason not to store the response, if there is one.
    pub(crate) fn refusal(&self) -> Option<Skip> {
        let state = self.state();
        if state.failed {
            return Some(Skip::Failed);
        }
        state.refusal
    }
}

/// The context of the run that a request is part of.
struct OuterRun(Arc<RunContext>);

thread_local! {
    static CURRENT: RefCell<Option<Arc<RunContext>>> = const { RefCell::new(None) };
}

/// Sets the context for as long as `inside` runs.
pub(crate) fn scope<R>(run_context: &Arc<RunContext>, inside: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<RunContext>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with_borrow_mut(|current| *current = self.0.take());
        }
    }
    let _restore = Restore(CURRENT.with_borrow_mut(|current| current.replace(run_context.clone())));
    inside()
}

pin_project! {
    /// A future that is polled with its context.
    pub(crate) struct Scoped<F> {
        #[pin]
        future: F,
        run_context: Arc<RunContext>,
    }
}

impl<F> Scoped<F> {
    pub(crate) fn new(run_context: Arc<RunContext>, future: F) -> Self {
        Self {
            future,
            run_context,
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        scope(this.run_context, || this.future.poll(cx))
    }
}

/// The context of the run that is polled on this thread.
pub(crate) fn current() -> Option<Arc<RunContext>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Calls `call` with the current context; outside a cached handler it warns once that `function` has no
/// effect.
pub(crate) fn with_current(function: &str, call: impl FnOnce(&Arc<RunContext>)) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    match current() {
        Some(run_context) => call(&run_context),
        None if !WARNED.swap(true, Relaxed) => tracing::warn!(
            target: TARGET,
            "`{function}` was called outside a cached handler and does nothing there; in a spawned task or in `web::block`, take a `CacheHandle` as an argument of the handler and use its method of that name"
        ),
        None => {}
    }
}
