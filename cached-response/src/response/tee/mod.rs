//! Copies a streamed response body while it is sent to its client.
//!
//! The handler's body is polled by a task of its own, which keeps the chunks and passes them to the client's
//! connection at once. A slow client, or one that leaves, thus delays no other; the chunks that it has not
//! read yet are bounded by the cap of the body and by the process-wide [`CopyBudget`]. Past either bound
//! nothing is stored: the task ends, and the client polls the handler's body itself.
//!
//! ```text
//! handler's body --> TeeTask --> Channel --> ClientBody (the client's connection)
//!                      |                        ^
//!                      +--- past a bound: body -+
//! ```

pub(crate) mod client_body;
pub(crate) mod task;

use crate::{
    context::run_context::{RunContext, scope},
    response::tee::{
        client_body::{Channel, ClientBody},
        task::TeeTask,
    },
    util::local_task::{self, LocalBoxFuture},
};
use actix_web::{
    body::{self, BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use std::{
    cell::RefCell,
    error::Error,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

/// The error of a body that was cut short.
pub(crate) type BodyError = Box<dyn Error>;

/// A handler's body in its context, for any task that polls it.
pub(crate) struct SourceBody {
    body: BoxBody,
    run_context: Arc<RunContext>,
}

impl SourceBody {
    pub(crate) fn new(body: BoxBody, run_context: Arc<RunContext>) -> Self {
        Self { body, run_context }
    }

    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        scope(&self.run_context, || Pin::new(&mut self.body).poll_next(cx))
    }
}

/// The outcome of a copy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TeeOutcome {
    /// The body ended cleanly, and these are its bytes.
    Whole(Bytes),
    /// It is over the cap.
    TooLarge,
    /// The budget of all copies was spent.
    NoRoom,
    /// An error, a wrong length, a panic, or no client and no permit to go on without one.
    Failed,
}

/// The bounds of a copy.
pub(crate) struct TeeConfig {
    /// The largest body that is kept.
    pub(crate) cap: usize,
    /// The declared length of the head, where the body has none of its own.
    pub(crate) declared: Option<u64>,
    /// The budget that all copies share.
    pub(crate) budget: Arc<CopyBudget>,
    /// A timer that ends a detached copy; polled only once the client has left.
    pub(crate) limit: LocalBoxFuture<()>,
}

impl TeeConfig {
    /// Takes the declared length of the body, which precedes that of the head.
    fn declaring(mut self, size: BodySize) -> Self {
        if let BodySize::Sized(length) = size {
            self.declared = Some(length);
        }
        self
    }

    /// Returns true where another length was declared.
    fn forbids(&self, length: usize) -> bool {
        self.declared
            .is_some_and(|declared| declared != length as u64)
    }
}

/// Returns the body for the client, and calls `on_finish` exactly once, with the copy.
///
/// The copy is finished before the client can see the end of the body; if the body declares its length and
/// ends right after it, before the client can see the last byte. The declared size of the body is kept.
/// Without a local runtime the client's own polls drive the copy, which is then lost if the client leaves.
pub(crate) fn copy(
    body: BoxBody,
    config: TeeConfig,
    run_context: Arc<RunContext>,
    on_finish: impl FnOnce(TeeOutcome) + 'static,
) -> BoxBody {
    let size = body.size();
    let config = config.declaring(size);
    let body = match body.try_into_bytes() {
        Ok(bytes) => return copy_at_once(bytes, size, &config, on_finish),
        Err(body) => body,
    };
    let source = SourceBody::new(body, run_context);
    if config
        .declared
        .is_some_and(|length| length > config.cap as u64)
    {
        on_finish(TeeOutcome::TooLarge);
        return BoxBody::new(ClientBody::passing(source, size));
    }
    let (mut client, task) = pair(source, size, config, on_finish);
    if let Err(task) = local_task::spawn(Box::pin(task.run())) {
        client.drive(task);
    }
    BoxBody::new(client)
}

/// Returns the body for the client, polled in its context and not copied. A complete one is returned as it is.
pub(crate) fn pass(body: BoxBody, run_context: Arc<RunContext>) -> BoxBody {
    let size = body.size();
    if size.is_eof() {
        return body;
    }
    match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(bytes),
        Err(body) => BoxBody::new(ClientBody::passing(
            SourceBody::new(body, run_context),
            size,
        )),
    }
}

/// The two halves of a copy, not started yet.
fn pair(
    source: SourceBody,
    size: BodySize,
    config: TeeConfig,
    on_finish: impl FnOnce(TeeOutcome) + 'static,
) -> (ClientBody, TeeTask) {
    let channel = Rc::new(RefCell::new(Channel::new(config.budget.share())));
    let client = ClientBody::new(Rc::clone(&channel), size);
    (
        client,
        TeeTask::new(source, channel, config, Box::new(on_finish)),
    )
}

/// Copies a complete body.
fn copy_at_once(
    bytes: Bytes,
    size: BodySize,
    config: &TeeConfig,
    on_finish: impl FnOnce(TeeOutcome),
) -> BoxBody {
    on_finish(if bytes.len() > config.cap {
        TeeOutcome::TooLarge
    } else if config.forbids(bytes.len()) {
        TeeOutcome::Failed
    } else {
        TeeOutcome::Whole(bytes.clone())
    });
    match size {
        BodySize::None => BoxBody::new(body::None::new()),
        BodySize::Sized(_) | BodySize::Stream => BoxBody::new(bytes),
    }
}

/// The budget for copies in progress and unread chunks, in bytes, unless it is set.
const DEFAULT_BYTES: usize = 32 * 1024 * 1024;

/// A bound, in bytes, on the memory of streamed bodies that are being sent.
#[derive(Debug)]
pub(crate) struct CopyBudget {
    bytes: usize,
    used: AtomicUsize,
}

impl CopyBudget {
    pub(crate) const fn new(bytes: usize) -> Self {
        Self {
            bytes,
            used: AtomicUsize::new(0),
        }
    }

    /// The budget of all caches of this process: 32 MiB.
    pub(crate) fn of_the_process() -> &'static Arc<Self> {
        static BUDGET: LazyLock<Arc<CopyBudget>> =
            LazyLock::new(|| Arc::new(CopyBudget::new(DEFAULT_BYTES)));
        &BUDGET
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// A share of the budget, empty at first.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// The share of one body in the budget, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<CopyBudget>,
    bytes: usize,
}

impl Share {
    /// Takes `bytes` more; returns false where there is no room for them.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let limit = self.budget.bytes;
        let grown = |used: usize| used.checked_add(bytes).filter(|used| *used <= limit);
        let taken = self
            .budget
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .is_ok();
        if taken {
            self.bytes += bytes;
        }
        taken
    }

    /// Returns `bytes` to the budget, or as many as it has.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests;
