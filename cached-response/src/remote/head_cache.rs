//! What was lately found for an errand.

use crate::{
    entry::{
        StoredResponse,
        codec::{self, Decoded, known_head::KnownHead},
    },
    util::sync::{Mutex, lock},
};
use actix_web::web::Bytes;

/// The head of the frame that was lately found, and what was made of it: most that are asked for again
/// have not changed.
#[derive(Debug, Default)]
pub(crate) struct HeadCache(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Nothing,
    /// Something was. What is found but once is not kept.
    Once,
    Head(Box<KnownHead>, Option<bool>),
}

impl HeadCache {
    /// What is in a frame.
    pub(crate) fn framed(&self, full_key: &[u8], frame: &Bytes) -> Option<Decoded> {
        let mut state = lock(&self.0);
        if let State::Head(head, _) = &*state
            && let Some(framed) = head.read(frame)
        {
            return Some(framed);
        }
        let framed = codec::read(full_key, frame)?;
        *state = match (&*state, &framed) {
            (State::Nothing, _) | (_, Decoded::Names(_)) => State::Once,
            _ => KnownHead::of(full_key, frame)
                .map_or(State::Once, |head| State::Head(Box::new(head), None)),
        };
        Some(framed)
    }

    /// What `judge` finds of a response, unless it has found it for the same head.
    pub(crate) fn permits(&self, stored: &StoredResponse, judge: impl FnOnce() -> bool) -> bool {
        let mut state = lock(&self.0);
        match &mut *state {
            State::Head(head, permitted) if head.is_of(stored) => {
                *permitted.get_or_insert_with(judge)
            }
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
    use crate::entry::codec::About;
    use std::{cell::Cell, sync::Arc, time::Duration};

    const KEY: &[u8] = b"key";

    fn frame(lifetime: u64, body: &'static str) -> Bytes {
        let stored = StoredResponse {
            lifetime: Duration::from_secs(lifetime),
            body: body.into(),
            ..StoredResponse::default()
        };
        codec::response(KEY, &stored, &About::default()).unwrap()
    }

    fn found(lately: &HeadCache, frame: &Bytes) -> StoredResponse {
        match lately.framed(KEY, frame).unwrap() {
            Decoded::Response(stored, _) => *stored,
            Decoded::Names(_) => panic!("it is a response"),
        }
    }

    #[test]
    fn a_head_that_comes_again_is_known_and_its_body_is_new() {
        let lately = HeadCache::default();
        let first = found(&lately, &frame(9, "one"));
        let second = found(&lately, &frame(9, "two"));
        let third = found(&lately, &frame(9, "three"));
        let fourth = found(&lately, &frame(9, "four"));
        // The second has it kept, and from the third on it is the one that is kept.
        assert!(!Arc::ptr_eq(&first.headers, &second.headers));
        assert!(Arc::ptr_eq(&third.headers, &fourth.headers));
        let bodies = [first, second, third, fourth].map(|stored| stored.body);
        assert_eq!(bodies, ["one", "two", "three", "four"]);
    }

    #[test]
    fn another_head_is_read_and_takes_its_place() {
        let lately = HeadCache::default();
        for lifetime in [9, 9, 9, 8, 8, 9] {
            let stored = found(&lately, &frame(lifetime, "body"));
            assert_eq!(stored.lifetime.as_secs(), lifetime);
        }
        assert!(lately.framed(b"another key", &frame(7, "body")).is_none());
        let mut altered = frame(9, "body").to_vec();
        *altered.last_mut().unwrap() ^= 1;
        assert!(lately.framed(KEY, &altered.into()).is_none());
    }

    #[test]
    fn what_a_judge_found_holds_for_the_same_head_alone() {
        let (lately, asked) = (HeadCache::default(), Cell::new(0));
        let permits = |stored: &StoredResponse, permits| {
            lately.permits(stored, || {
                asked.set(asked.get() + 1);
                permits
            })
        };
        let first = found(&lately, &frame(9, "one"));
        assert!(permits(&first, true));
        let _ = found(&lately, &frame(9, "two"));
        for asked_then in [2, 2] {
            let known = found(&lately, &frame(9, "three"));
            assert!(!permits(&known, false));
            assert_eq!(asked.get(), asked_then);
        }
        // Another's is asked for each time.
        assert!(permits(&first, true) && permits(&first, true));
        assert_eq!(asked.get(), 4);
        let _ = found(&lately, &frame(8, "four"));
        assert!(permits(&found(&lately, &frame(8, "five")), true));
        assert_eq!(asked.get(), 5);
    }
}
