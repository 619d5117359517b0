//! Header of a frame (kind, lengths and checksums), and reader and writer of its parts. The reader trusts no
//! length.

use actix_web::web::Bytes;
use std::time::Duration;

/// Cursor over a frame. Each method returns `None` where the next bytes are not what it reads.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// The frame that `rest` is a part of.
    whole: &'a Bytes,
}

/// Bounds of a list: its most items, and the fewest bytes of one.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) max_items: usize,
    pub(crate) min_item_bytes: usize,
}

impl Bounds {
    /// Allocates for `count` items, if `bytes` can hold them.
    fn allocate<T>(self, count: usize, bytes: usize) -> Option<Vec<T>> {
        let possible = count <= self.max_items && count <= bytes / self.min_item_bytes;
        possible.then(|| Vec::with_capacity(count))
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(whole: &'a Bytes) -> Self {
        Self { rest: whole, whole }
    }

    pub(crate) fn plain(&mut self, length: usize) -> Option<&'a [u8]> {
        let (read, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(read)
    }

    pub(crate) fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        self.plain(LENGTH)?.try_into().ok()
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.array()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    pub(crate) fn duration(&mut self) -> Option<Duration> {
        let seconds = u64::from_be_bytes(self.array()?);
        let nanos = u32::from_be_bytes(self.array()?);
        (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.array()?)).ok()
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.plain(length)
    }

    /// Bytes that share the allocation of the whole frame.
    pub(crate) fn shared(&mut self) -> Option<Bytes> {
        Some(self.whole.slice_ref(self.bytes()?))
    }

    pub(crate) fn list<T>(
        &mut self,
        bounds: Bounds,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.length()?;
        let mut items = bounds.allocate(count, self.rest.len())?;
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }

    /// Returns `read`, if nothing is left.
    pub(crate) fn end<T>(self, read: T) -> Option<T> {
        self.rest.is_empty().then_some(read)
    }
}

/// Builder of a frame. A part that is too long to be written is `None`; nothing is cut.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Allocates for a head and a body of about so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut frame = Vec::with_capacity(HEADER_SIZE.saturating_add(bytes));
        frame.resize(HEADER_SIZE, 0);
        Self(frame)
    }

    /// Writes a part of fixed length.
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

    /// Writes the number of `items` and each of them; at most `max_items`.
    pub(crate) fn list<T>(
        &mut self,
        max_items: usize,
        items: &[T],
        write: impl Fn(&mut Self, &T) -> Option<()>,
    ) -> Option<()> {
        if items.len() > max_items {
            return None;
        }
        self.length(items.len())?;
        items.iter().try_for_each(|item| write(self, item))
    }

    /// Completes the frame with `body`.
    pub(crate) fn seal(mut self, kind: FrameKind, body: &[u8]) -> Option<Bytes> {
        let head = self.0.len() - HEADER_SIZE;
        self.plain(body);
        seal(kind, head, &mut self.0)?;
        Some(self.0.into())
    }
}

/// Not the start of any text.
const MAGIC: [u8; 4] = *b"\xc4crf";

/// Version of the format. A change of what is written raises it and keeps the snapshots of the last.
pub(crate) const VERSION: u8 = 3;

/// Length of the header in bytes.
pub(crate) const HEADER_SIZE: usize = 22;

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
        let (header, _) = frame.split_first_chunk::<HEADER_SIZE>()?;
        is_prefix(header).then_some(())?;
        let number = |at: usize| {
            let four = header[at..].first_chunk()?;
            Some(u32::from_be_bytes(*four))
        };
        let head_end = HEADER_SIZE.checked_add(usize::try_from(number(6)?).ok()?)?;
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
        let head = frame.get(HEADER_SIZE..self.head_end)?;
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
    let (header, parts) = frame.split_first_chunk_mut::<HEADER_SIZE>()?;
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

#[cfg(test)]
mod tests {
    use super::{Bounds, Reader};
    use actix_web::web::Bytes;

    const BOUNDS: Bounds = Bounds {
        max_items: 9,
        min_item_bytes: 4,
    };

    #[test]
    fn no_more_is_allocated_than_the_bytes_can_hold() {
        let granted = |count, bytes| {
            BOUNDS
                .allocate::<u64>(count, bytes)
                .map(|items| items.capacity())
        };
        assert_eq!(granted(2, 8), Some(2));
        assert_eq!(granted(2, 7), None);
        assert_eq!(granted(9, 10_000_000), Some(9));
        assert_eq!(granted(10, 10_000_000), None);
        assert_eq!(granted(usize::MAX, usize::MAX), None);
        assert_eq!(granted(0, 0), Some(0));
    }

    #[test]
    fn a_list_of_an_impossible_length_is_rejected() {
        let claim = Bytes::from_static(&[255; 32]);
        let endless = Bounds {
            max_items: usize::MAX,
            min_item_bytes: 1,
        };
        let read = Reader::new(&claim).list(endless, Reader::array::<1>);
        assert_eq!(read, None);
        assert_eq!(Reader::new(&claim).bytes(), None);
        assert_eq!(Reader::new(&claim).shared(), None);
    }

    #[test]
    fn shared_bytes_are_not_copied() {
        let frame = Bytes::from(vec![0, 0, 0, 2, 7, 8, 9]);
        let mut reader = Reader::new(&frame);
        let shared = reader.shared().unwrap();
        assert_eq!(shared.as_ptr(), frame[4..].as_ptr());
        assert_eq!(shared, [7, 8].as_slice());
        assert_eq!(reader.end(()), None);
    }

    #[test]
    fn a_value_that_no_writer_writes_is_rejected() {
        let second = [0, 0, 0, 0, 0, 0, 0, 0, 0x3b, 0x9a, 0xca, 0x00];
        assert_eq!(Reader::new(&Bytes::from_static(&[2])).flag(), None);
        assert_eq!(
            Reader::new(&Bytes::copy_from_slice(&second)).duration(),
            None
        );
    }
}
