//! Request bodies: detection, buffering for the key, and replay.

use crate::route::request_key::RequestBody;
use actix_web::{
    HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::{Version, header},
    web::{Bytes, BytesMut},
};
use futures_core::Stream;
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Returns the body of a request where it is no part of the key.
pub(crate) fn unkeyed(request: &HttpRequest, payload: &mut Payload) -> RequestBody {
    if is_present(request, payload) {
        RequestBody::Unkeyed
    } else {
        RequestBody::Nothing
    }
}

/// Returns true where the request has a body of at least one byte.
///
/// An HTTP/2 request need not declare it in its head: there the stream is polled once, also one that a
/// middleware has wrapped, and a chunk is put back.
fn is_present(request: &HttpRequest, payload: &mut Payload) -> bool {
    if matches!(payload, Payload::None) {
        return false;
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    let is_declared = match payload {
        Payload::H1 { .. } => true,
        _ => request.version() < Version::HTTP_2 && matches!(payload, Payload::Stream { .. }),
    };
    if is_declared || length.is_some() {
        return length.is_some_and(|length| length != "0")
            || request.headers().contains_key(header::TRANSFER_ENCODING);
    }
    peek(payload)
}

fn peek(payload: &mut Payload) -> bool {
    // The next reader of the body polls it with its own waker.
    match Pin::new(&mut *payload).poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(None) => {
            *payload = Payload::None;
            false
        }
        Poll::Pending => true,
        Poll::Ready(Some(first)) => {
            let rest = payload.take();
            *payload = ReplayedPayload {
                first: Some(first),
                rest,
            }
            .into_payload();
            true
        }
    }
}

/// Reads the body as it was sent: an extractor would decompress it, and has limits of its own. A body over
/// `limit` bytes is not part of the key. The returned payload replays all of it in any case.
pub(crate) async fn read(
    mut payload: Payload,
    limit: usize,
) -> Result<(RequestBody, Payload), PayloadError> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = poll_fn(|cx| Pin::new(&mut payload).poll_next(cx)).await {
        whole.extend_from_slice(&chunk?);
        if whole.len() > limit {
            let replayed = ReplayedPayload {
                first: Some(Ok(whole.freeze())),
                rest: payload,
            };
            return Ok((RequestBody::TooLarge, replayed.into_payload()));
        }
    }
    let body = whole.freeze();
    Ok((RequestBody::Keyed(body.clone()), Payload::from(body)))
}

/// Replays the body where an extractor has taken it, for the extractors that run later.
pub(crate) fn refill(payload: &mut Payload, body: &Bytes) {
    if matches!(payload, Payload::None) {
        *payload = Payload::from(body.clone());
    }
}

/// A payload with its first chunk put back.
struct ReplayedPayload {
    first: Option<Result<Bytes, PayloadError>>,
    rest: Payload,
}

impl ReplayedPayload {
    fn into_payload(self) -> Payload {
        Payload::Stream {
            payload: Box::pin(self),
        }
    }
}

impl Stream for ReplayedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.rest).poll_next(cx),
        }
    }
}
