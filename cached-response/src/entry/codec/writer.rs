//! Writes the parts of a frame, one behind the other.

use crate::entry::codec::frame_header::{self, Kind};
use actix_web::web::Bytes;
use std::time::Duration;

/// A frame that is being written. What cannot be written as it is, because it is too long, is
/// `None`; nothing is cut.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// With room for a head and a body of about so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        let mut frame = Vec::with_capacity(frame_header::SIZE.saturating_add(bytes));
        frame.resize(frame_header::SIZE, 0);
        Self(frame)
    }

    /// A part whose length its reader knows.
    pub(crate) fn plain(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.plain(&[u8::from(flag)]);
    }

    pub(crate) fn duration(&mut self, duration: Duration) {
        self.plain(&duration.as_secs().to_be_bytes());
        self.plain(&duration.subsec_nanos().to_be_bytes());
    }

    pub(crate) fn length(&mut self, length: usize) -> Option<()> {
        self.plain(&u32::try_from(length).ok()?.to_be_bytes());
        Some(())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.length(bytes.len())?;
        self.plain(bytes);
        Some(())
    }

    /// All of `items`, and before them how many there are; at most `most`.
    pub(crate) fn list<T>(
        &mut self,
        most: usize,
        items: &[T],
        write: impl Fn(&mut Self, &T) -> Option<()>,
    ) -> Option<()> {
        if items.len() > most {
            return None;
        }
        self.length(items.len())?;
        items.iter().try_for_each(|item| write(self, item))
    }

    /// The frame of what was written, and of `body`.
    pub(crate) fn seal(mut self, kind: Kind, body: &[u8]) -> Option<Bytes> {
        let head = self.0.len() - frame_header::SIZE;
        self.plain(body);
        frame_header::seal(kind, head, &mut self.0)?;
        Some(self.0.into())
    }
}
