//! Cache of the decoded head of the entry that was last read under a key.

use crate::{
    entry::{
        StoredResponse,
        codec::{self, Decoded, head::KnownHead},
    },
    util::sync::{Mutex, lock},
};
use actix_web::web::Bytes;

/// Head of the last frame and the response that was decoded from it: most entries that are read again
/// have not changed. The bytes of every frame are compared.
#[derive(Debug, Default)]
pub(crate) struct HeadCache(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Empty,
    /// One frame was read. Its head is not kept before a second one is read.
    ReadOnce,
    /// Head, and the verdict on it where it was judged.
    Known(Box<KnownHead>, Option<bool>),
}

impl HeadCache {
    /// Decodes a frame.
    pub(crate) fn decode(&self, full_key: &[u8], frame: &Bytes) -> Option<Decoded> {
        let mut state = lock(&self.0);
        if let State::Known(head, _) = &*state
            && let Some(decoded) = head.read(frame)
        {
            return Some(decoded);
        }
        let decoded = codec::read(full_key, frame)?;
        *state = match (&*state, &decoded) {
            (State::Empty, _) | (_, Decoded::Names(_)) => State::ReadOnce,
            _ => KnownHead::of(full_key, frame)
                .map_or(State::ReadOnce, |head| State::Known(Box::new(head), None)),
        };
        Some(decoded)
    }

    /// Returns the verdict of `judge` on a response, from memory if it was given on the same head.
    pub(crate) fn permits(&self, stored: &StoredResponse, judge: impl FnOnce() -> bool) -> bool {
        let mut state = lock(&self.0);
        match &mut *state {
            State::Known(head, verdict) if head.is_of(stored) => *verdict.get_or_insert_with(judge),
            _ => {
                drop(state);
                judge()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::codec::head::Metadata;
    use std::{cell::Cell, sync::Arc, time::Duration};

    const KEY: &[u8] = b"key";

    fn frame(lifetime: u64, body: &'static str) -> Bytes {
        let stored = StoredResponse {
            lifetime: Duration::from_secs(lifetime),
            body: body.into(),
            ..StoredResponse::default()
        };
        codec::response(KEY, &stored, &Metadata::default()).unwrap()
    }

    fn read(cache: &HeadCache, frame: &Bytes) -> StoredResponse {
        match cache.decode(KEY, frame).unwrap() {
            Decoded::Response(stored, _) => *stored,
            Decoded::Names(_) => unreachable!("the frame is a response"),
        }
    }

    #[test]
    fn a_head_that_recurs_is_reused_with_the_new_body() {
        let cache = HeadCache::default();
        let first = read(&cache, &frame(9, "one"));
        let second = read(&cache, &frame(9, "two"));
        let third = read(&cache, &frame(9, "three"));
        let fourth = read(&cache, &frame(9, "four"));
        // The second read caches it, and the third and later ones reuse it.
        assert!(!Arc::ptr_eq(&first.headers, &second.headers));
        assert!(Arc::ptr_eq(&third.headers, &fourth.headers));
        let bodies = [first, second, third, fourth].map(|stored| stored.body);
        assert_eq!(bodies, ["one", "two", "three", "four"]);
    }

    #[test]
    fn another_head_is_decoded_and_replaces_it() {
        let cache = HeadCache::default();
        for lifetime in [9, 9, 9, 8, 8, 9] {
            let stored = read(&cache, &frame(lifetime, "body"));
            assert_eq!(stored.lifetime.as_secs(), lifetime);
        }
        assert!(cache.decode(b"another key", &frame(7, "body")).is_none());
        let mut altered = frame(9, "body").to_vec();
        *altered.last_mut().unwrap() ^= 1;
        assert!(cache.decode(KEY, &altered.into()).is_none());
    }

    #[test]
    fn a_verdict_holds_for_the_same_head_alone() {
        let (cache, judged) = (HeadCache::default(), Cell::new(0));
        let permits = |stored: &StoredResponse, permits| {
            cache.permits(stored, || {
                judged.set(judged.get() + 1);
                permits
            })
        };
        let first = read(&cache, &frame(9, "one"));
        assert!(permits(&first, true));
        let _ = read(&cache, &frame(9, "two"));
        for times in [2, 2] {
            let known = read(&cache, &frame(9, "three"));
            assert!(!permits(&known, false));
            assert_eq!(judged.get(), times);
        }
        // A response with another head is judged each time.
        assert!(permits(&first, true) && permits(&first, true));
        assert_eq!(judged.get(), 4);
        let _ = read(&cache, &frame(8, "four"));
        assert!(permits(&read(&cache, &frame(8, "five")), true));
        assert_eq!(judged.get(), 5);
    }
}
