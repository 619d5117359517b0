//! Copies a streamed response body while it goes to its client.
//!
//! The handler's body is polled by a task of its own, which keeps the chunks and shows them to the
//! client's connection at once. A client that reads slowly, or leaves in the middle, thus delays
//! and loses nothing for the others; what it has not read yet is bounded by the cap of the body and
//! by the process-wide [`Budget`]. Past either bound there is nothing to store, so that the task
//! ends and the client polls the handler's body itself, at its own pace.
//!
//! ```text
//! handler's body --> Copier (a task) --> Tail --> Reader (the client's connection)
//!                       |                            ^
//!                       +-- past a bound: the body --+
//! ```

pub(crate) mod budget;
pub(crate) mod channel;
pub(crate) mod client_body;
pub(crate) mod source;
pub(crate) mod task;

#[cfg(test)]
mod tests;

use std::{cell::RefCell, rc::Rc, sync::Arc};

use actix_web::{
    body::{self, BodySize, BoxBody, MessageBody},
    web::Bytes,
};

pub(crate) use self::budget::Budget;
use self::{channel::Channel, client_body::ClientBody, source::SourceBody, task::TeeTask};
use crate::{
    context::control::Scope,
    util::local_task::{self, LocalBoxFuture},
};

/// What became of a copy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TeeOutcome {
    /// The body ended cleanly, and these are its bytes.
    Whole(Bytes),
    /// It is over the cap.
    TooLarge,
    /// The budget of all copies was spent.
    NoRoom,
    /// An error, a wrong length, a panic, or nobody was left to wait for it.
    Failed,
}

/// What a copy may cost.
pub(crate) struct TeeConfig {
    /// The largest body that is kept.
    pub(crate) cap: usize,
    /// The length that the head of the response gives, where the body does not say its own.
    pub(crate) declared: Option<u64>,
    /// What all copies may hold together.
    pub(crate) budget: Arc<Budget>,
    /// Ends a copy that no client waits for; polled only from the moment the client has left.
    pub(crate) limit: LocalBoxFuture<()>,
}

impl TeeConfig {
    /// The terms for a body of this size, whose own word counts most.
    fn declaring(mut self, size: BodySize) -> Self {
        if let BodySize::Sized(length) = size {
            self.declared = Some(length);
        }
        self
    }

    /// Whether another length was declared.
    fn forbids(&self, length: usize) -> bool {
        self.declared
            .is_some_and(|declared| declared != length as u64)
    }
}

/// Returns the body for the client, and calls `landed` exactly once, with the copy of it.
///
/// The copy lands before the client can see the end of the body; if the body declares its length
/// and ends right after it, before the client can see the last byte. The body's declared size
/// stays what it was. Without a local runtime the client's own polls drive the copy, which is then
/// lost if the client leaves.
pub(crate) fn copy(
    body: BoxBody,
    terms: TeeConfig,
    scope: impl Scope + 'static,
    landed: impl FnOnce(TeeOutcome) + 'static,
) -> BoxBody {
    let size = body.size();
    let terms = terms.declaring(size);
    let body = match body.try_into_bytes() {
        Ok(bytes) => return copy_at_once(bytes, size, &terms, landed),
        Err(body) => body,
    };
    let live = SourceBody::new(body, scope);
    if terms
        .declared
        .is_some_and(|length| length > terms.cap as u64)
    {
        landed(TeeOutcome::TooLarge);
        return BoxBody::new(ClientBody::passing(live, size));
    }
    let (mut reader, copier) = pair(live, size, terms, landed);
    if let Err(copying) = local_task::spawn(Box::pin(copier.run())) {
        reader.drive(copying);
    }
    BoxBody::new(reader)
}

/// Returns the body for the client, to be polled in `scope` and not copied. One that is no stream is
/// returned as it is.
pub(crate) fn pass(body: BoxBody, scope: impl Scope + 'static) -> BoxBody {
    let size = body.size();
    if size.is_eof() {
        return body;
    }
    match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(bytes),
        Err(body) => BoxBody::new(ClientBody::passing(SourceBody::new(body, scope), size)),
    }
}

/// The two ends of a copy, neither of them under way.
fn pair(
    live: SourceBody,
    size: BodySize,
    terms: TeeConfig,
    landed: impl FnOnce(TeeOutcome) + 'static,
) -> (ClientBody, TeeTask) {
    let tail = Rc::new(RefCell::new(Channel::new(terms.budget.share())));
    let reader = ClientBody::new(Rc::clone(&tail), size);
    (reader, TeeTask::new(live, tail, terms, Box::new(landed)))
}

/// The copy of a body that never was a stream.
fn copy_at_once(
    bytes: Bytes,
    size: BodySize,
    terms: &TeeConfig,
    landed: impl FnOnce(TeeOutcome),
) -> BoxBody {
    landed(if bytes.len() > terms.cap {
        TeeOutcome::TooLarge
    } else if terms.forbids(bytes.len()) {
        TeeOutcome::Failed
    } else {
        TeeOutcome::Whole(bytes.clone())
    });
    match size {
        BodySize::None => BoxBody::new(body::None::new()),
        BodySize::Sized(_) | BodySize::Stream => BoxBody::new(bytes),
    }
}
