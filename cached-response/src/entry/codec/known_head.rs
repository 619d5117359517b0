//! The head of a frame that was read before.

use crate::entry::{
    StoredResponse,
    codec::{
        About, Decoded,
        frame_header::{FrameHeader, Kind, SIZE},
        framed,
    },
};
use actix_web::web::Bytes;
use std::sync::Arc;

/// A head, and what was read from it: where the same bytes come again, they need not be read again.
#[derive(Debug)]
pub(crate) struct KnownHead {
    bytes: Bytes,
    stored: StoredResponse,
    about: About,
}

/// Longer heads are left alone.
const LONGEST: usize = 2 << 10;

impl KnownHead {
    /// The head of a response that was read from this frame; `None` where it is too long to be kept.
    pub(crate) fn of(full_key: &[u8], frame: &Bytes) -> Option<Self> {
        let envelope = FrameHeader::read(frame)?;
        if envelope.kind != Kind::Response || envelope.head_end > LONGEST {
            return None;
        }
        // A copy: nothing of the body is kept with it.
        let frame = Bytes::copy_from_slice(frame.get(..envelope.head_end)?);
        let Decoded::Response(stored, about) = framed(full_key, &envelope, &frame)? else {
            return None;
        };
        Some(Self {
            bytes: envelope.head(&frame)?,
            stored: *stored,
            about,
        })
    }

    /// Whether that response was read from this head.
    pub(crate) fn is_of(&self, stored: &StoredResponse) -> bool {
        Arc::ptr_eq(&self.stored.headers, &stored.headers)
    }

    /// What is in this frame, if its head is the same.
    pub(crate) fn read(&self, frame: &Bytes) -> Option<Decoded> {
        let envelope = FrameHeader::read(frame)?;
        let is_same = envelope.kind == Kind::Response
            && frame.len() == envelope.end
            && frame.get(SIZE..envelope.head_end) == Some(&*self.bytes);
        if !is_same {
            return None;
        }
        let stored = StoredResponse {
            body: envelope.body(frame)?,
            ..self.stored.for_other_process()
        };
        Some(Decoded::Response(Box::new(stored), self.about.clone()))
    }
}
