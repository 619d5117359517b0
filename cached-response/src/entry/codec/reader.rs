//! Reads the parts of a frame, and believes nothing of what they claim.

use actix_web::web::Bytes;
use std::time::Duration;

/// What of a frame was not read yet. Each of its methods is `None` where that is something else.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// What `rest` is a part of.
    whole: &'a Bytes,
}

/// How many items a list may have, and how short each of them may be.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) most: usize,
    pub(crate) least: usize,
}

impl Bounds {
    /// Room for `count` items, where `bytes` can hold them.
    fn room<T>(self, count: usize, bytes: usize) -> Option<Vec<T>> {
        let possible = count <= self.most && count <= bytes / self.least;
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

    /// Bytes that are not copied: they keep the whole frame.
    pub(crate) fn shared(&mut self) -> Option<Bytes> {
        Some(self.whole.slice_ref(self.bytes()?))
    }

    pub(crate) fn list<T>(
        &mut self,
        bounds: Bounds,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.length()?;
        let mut items = bounds.room(count, self.rest.len())?;
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }

    /// What was read, if that was all.
    pub(crate) fn end<T>(self, read: T) -> Option<T> {
        self.rest.is_empty().then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Reader};
    use actix_web::web::Bytes;

    const BOUNDS: Bounds = Bounds { most: 9, least: 4 };

    // A length is believed only within what there is.
    #[test]
    fn no_room_is_made_for_more_than_the_bytes_can_hold() {
        let granted = |count, bytes| BOUNDS.room::<u64>(count, bytes).map(|room| room.capacity());
        assert_eq!(granted(2, 8), Some(2));
        assert_eq!(granted(2, 7), None);
        assert_eq!(granted(9, 10_000_000), Some(9));
        assert_eq!(granted(10, 10_000_000), None);
        assert_eq!(granted(usize::MAX, usize::MAX), None);
        assert_eq!(granted(0, 0), Some(0));
    }

    #[test]
    fn a_list_that_claims_the_most_is_read_to_be_none() {
        let claim = Bytes::from_static(&[255; 32]);
        let endless = Bounds {
            most: usize::MAX,
            least: 1,
        };
        let read = Reader::new(&claim).list(endless, Reader::array::<1>);
        assert_eq!(read, None);
        assert_eq!(Reader::new(&claim).bytes(), None);
        assert_eq!(Reader::new(&claim).shared(), None);
    }

    #[test]
    fn what_is_shared_is_not_copied() {
        let frame = Bytes::from(vec![0, 0, 0, 2, 7, 8, 9]);
        let mut reader = Reader::new(&frame);
        let shared = reader.shared().unwrap();
        assert_eq!(shared.as_ptr(), frame[4..].as_ptr());
        assert_eq!(shared, [7, 8].as_slice());
        assert_eq!(reader.end(()), None);
    }

    #[test]
    fn what_no_writer_writes_is_none() {
        let second = [0, 0, 0, 0, 0, 0, 0, 0, 0x3b, 0x9a, 0xca, 0x00];
        assert_eq!(Reader::new(&Bytes::from_static(&[2])).flag(), None);
        assert_eq!(
            Reader::new(&Bytes::copy_from_slice(&second)).duration(),
            None
        );
    }
}
