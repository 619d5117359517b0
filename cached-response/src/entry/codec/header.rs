//! Header of a frame: kind, lengths and checksums.

use actix_web::web::Bytes;

/// Not the start of any text.
const MAGIC: [u8; 4] = *b"\xc4crf";

/// Version of the format. A change of what is written raises it and keeps the snapshots of the last.
pub(crate) const VERSION: u8 = 2;

/// Length of the header in bytes.
pub(crate) const SIZE: usize = 22;

/// Offset of the checksum of the bytes before it and of the head.
const HEAD_SUM: usize = 18;

/// Content of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Response,
    Names,
}

/// Parsed header.
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// Offset of the end of the head and the start of the body.
    pub(crate) head_end: usize,
    /// Length of the frame.
    pub(crate) end: usize,
    body_sum: u32,
    head_sum: u32,
}

impl FrameHeader {
    /// Parses the start of `frame`. The lengths are verified only by the checksum of the
    /// [`head`](Self::head).
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let (header, _) = frame.split_first_chunk::<SIZE>()?;
        is_prefix(header).then_some(())?;
        let number = |at: usize| {
            let four = header[at..].first_chunk()?;
            Some(u32::from_be_bytes(*four))
        };
        let head_end = SIZE.checked_add(usize::try_from(number(6)?).ok()?)?;
        Some(Self {
            kind: match header[5] {
                1 => FrameKind::Response,
                2 => FrameKind::Names,
                _ => return None,
            },
            head_end,
            end: head_end.checked_add(usize::try_from(number(10)?).ok()?)?,
            body_sum: number(14)?,
            head_sum: number(HEAD_SUM)?,
        })
    }

    /// Returns the head, if its checksum is right.
    pub(crate) fn head(&self, frame: &Bytes) -> Option<Bytes> {
        let head = frame.get(SIZE..self.head_end)?;
        let summed = frame.get(..HEAD_SUM)?;
        (sum(&[summed, head]) == self.head_sum).then(|| frame.slice_ref(head))
    }

    /// Returns the body, if its checksum is right.
    pub(crate) fn body(&self, frame: &Bytes) -> Option<Bytes> {
        let body = frame.get(self.head_end..self.end)?;
        (sum(&[body]) == self.body_sum).then(|| frame.slice_ref(body))
    }
}

/// Returns true for a prefix of a frame of this version.
pub(crate) fn is_prefix(prefix: &[u8]) -> bool {
    let known = MAGIC.iter().chain([&VERSION]);
    prefix.iter().zip(known).all(|(byte, known)| byte == known)
}

/// Writes the header into the start of `frame`, whose head has `head` bytes.
pub(crate) fn seal(kind: FrameKind, head: usize, frame: &mut [u8]) -> Option<()> {
    let (header, parts) = frame.split_first_chunk_mut::<SIZE>()?;
    let (head, body) = parts.split_at_checked(head)?;
    let kind = match kind {
        FrameKind::Response => 1,
        FrameKind::Names => 2,
    };
    header[..4].copy_from_slice(&MAGIC);
    header[4..6].copy_from_slice(&[VERSION, kind]);
    header[6..10].copy_from_slice(&u32::try_from(head.len()).ok()?.to_be_bytes());
    header[10..14].copy_from_slice(&u32::try_from(body.len()).ok()?.to_be_bytes());
    header[14..HEAD_SUM].copy_from_slice(&sum(&[body]).to_be_bytes());
    let head_sum = sum(&[&header[..HEAD_SUM], head]);
    header[HEAD_SUM..].copy_from_slice(&head_sum.to_be_bytes());
    Some(())
}

fn sum(parts: &[&[u8]]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    for part in parts {
        sum.update(part);
    }
    sum.finalize()
}
