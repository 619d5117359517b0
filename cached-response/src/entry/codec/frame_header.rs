//! The beginning of every frame: what it is, how long its parts are, and what they add up to.

use actix_web::web::Bytes;

/// No text begins so.
const MAGIC: [u8; 4] = *b"\xc4crf";

/// Of the format. Whoever changes what is written raises it, and keeps the snapshots of the last.
pub(crate) const VERSION: u8 = 2;

/// The length of an envelope.
pub(crate) const SIZE: usize = 22;

/// Where the checksum of what is before it, and of the head, stands.
const HEAD_SUM: usize = 18;

/// What is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Response,
    Names,
}

/// What a frame says of its parts.
pub(crate) struct FrameHeader {
    pub(crate) kind: Kind,
    /// Where the head ends, and the body begins.
    pub(crate) head_end: usize,
    /// Where the frame ends.
    pub(crate) end: usize,
    body_sum: u32,
    head_sum: u32,
}

impl FrameHeader {
    /// Reads the envelope that `frame` begins with. What it says is not proven until the
    /// [`head`](Self::head) was read.
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let (envelope, _) = frame.split_first_chunk::<SIZE>()?;
        begins(envelope).then_some(())?;
        let number = |at: usize| {
            let four = envelope[at..].first_chunk()?;
            Some(u32::from_be_bytes(*four))
        };
        let head_end = SIZE.checked_add(usize::try_from(number(6)?).ok()?)?;
        Some(Self {
            kind: match envelope[5] {
                1 => Kind::Response,
                2 => Kind::Names,
                _ => return None,
            },
            head_end,
            end: head_end.checked_add(usize::try_from(number(10)?).ok()?)?,
            body_sum: number(14)?,
            head_sum: number(HEAD_SUM)?,
        })
    }

    /// The head, as it was written.
    pub(crate) fn head(&self, frame: &Bytes) -> Option<Bytes> {
        let head = frame.get(SIZE..self.head_end)?;
        let said = frame.get(..HEAD_SUM)?;
        (sum(&[said, head]) == self.head_sum).then(|| frame.slice_ref(head))
    }

    /// The body, as it was written.
    pub(crate) fn body(&self, frame: &Bytes) -> Option<Bytes> {
        let body = frame.get(self.head_end..self.end)?;
        (sum(&[body]) == self.body_sum).then(|| frame.slice_ref(body))
    }
}

/// Whether a frame of this version may begin like this, as far as it goes.
pub(crate) fn begins(prefix: &[u8]) -> bool {
    let known = MAGIC.iter().chain([&VERSION]);
    prefix.iter().zip(known).all(|(byte, known)| byte == known)
}

/// Writes the envelope into the beginning of `frame`, whose head is so long.
pub(crate) fn seal(kind: Kind, head: usize, frame: &mut [u8]) -> Option<()> {
    let (envelope, parts) = frame.split_first_chunk_mut::<SIZE>()?;
    let (head, body) = parts.split_at_checked(head)?;
    let kind = match kind {
        Kind::Response => 1,
        Kind::Names => 2,
    };
    envelope[..4].copy_from_slice(&MAGIC);
    envelope[4..6].copy_from_slice(&[VERSION, kind]);
    envelope[6..10].copy_from_slice(&u32::try_from(head.len()).ok()?.to_be_bytes());
    envelope[10..14].copy_from_slice(&u32::try_from(body.len()).ok()?.to_be_bytes());
    envelope[14..HEAD_SUM].copy_from_slice(&sum(&[body]).to_be_bytes());
    let head_sum = sum(&[&envelope[..HEAD_SUM], head]);
    envelope[HEAD_SUM..].copy_from_slice(&head_sum.to_be_bytes());
    Some(())
}

fn sum(parts: &[&[u8]]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    for part in parts {
        sum.update(part);
    }
    sum.finalize()
}
