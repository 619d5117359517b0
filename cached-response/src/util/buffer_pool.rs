//! Bytes that are soon gone: they lie in buffers that are used again and again.

use actix_web::web::Bytes;
use std::{cell::RefCell, mem};

/// The most that a buffer takes that is kept for the next.
const LARGEST: usize = 16 << 10;
/// So many wait on each thread.
const MOST: usize = 64;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A copy of these. It may take more room than they do, so it is for what nobody keeps.
pub(crate) fn copy(bytes: &[u8]) -> Bytes {
    if bytes.len() > LARGEST {
        return Bytes::copy_from_slice(bytes);
    }
    let buffer = BUFFERS.try_with(|buffers| buffers.borrow_mut().pop());
    // A thread that ends has none any more.
    let mut buffer = buffer.ok().flatten().unwrap_or_default();
    buffer.extend_from_slice(bytes);
    Bytes::from_owner(Passing(buffer))
}

/// A buffer that is given back to the thread where the last has done with it.
struct Passing(Vec<u8>);

impl AsRef<[u8]> for Passing {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let mut buffer = mem::take(&mut self.0);
        if buffer.capacity() > 2 * LARGEST {
            return;
        }
        buffer.clear();
        let _ = BUFFERS.try_with(|buffers| {
            let mut buffers = buffers.borrow_mut();
            if buffers.len() < MOST {
                buffers.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> usize {
        BUFFERS.with_borrow(Vec::len)
    }

    #[test]
    fn a_buffer_is_used_again_when_the_last_has_done_with_it() {
        let first = copy(b"first");
        let part = first.slice(1..);
        let place = first.as_ptr();
        drop(first);
        assert_eq!(waiting(), 0);
        assert_eq!(part, "irst");
        drop(part);
        assert_eq!(waiting(), 1);
        let second = copy(b"2");
        assert_eq!((second.as_ptr(), waiting()), (place, 0));
        assert_eq!(second, "2");
    }

    #[test]
    fn two_at_a_time_do_not_meet() {
        let (one, other) = (copy(b"one"), copy(b"other"));
        assert_eq!((&*one, &*other), (&b"one"[..], &b"other"[..]));
    }

    #[test]
    fn what_is_large_or_more_than_enough_is_not_kept() {
        drop(copy(&vec![0; LARGEST + 1]));
        assert_eq!(waiting(), 0);
        drop([(); MOST + 1].map(|()| copy(b"many")));
        assert_eq!(waiting(), MOST);
    }
}
