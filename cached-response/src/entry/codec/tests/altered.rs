//! Cut, altered, or never ours.

use super::*;
use crate::entry::codec::io;
use proptest::{collection::vec, prelude::*};

fn frames() -> [Bytes; 2] {
    let (stored, about) = full();
    [
        response(KEY, &stored, &about).unwrap(),
        names(KEY, &list(every_selector())).unwrap(),
    ]
}

fn head_end(frame: &Bytes) -> usize {
    match read_head(KEY, frame) {
        Some(Head::Whole { body, frame, .. }) => frame - body,
        other => panic!("no head: {other:?}"),
    }
}

// A flipped bit is a miss, or changes nothing.
#[test]
fn each_bit_that_flips_is_a_miss() {
    for frame in frames() {
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = Bytes::from(flipped);
            assert!(read(KEY, &flipped).is_none(), "bit {bit}");
            // The body is no part of what is read here.
            if bit / 8 < head_end(&frame) {
                let head = read_head(KEY, &flipped);
                assert!(!matches!(head, Some(Head::Whole { .. })), "bit {bit}");
            }
        }
    }
}

// Damaged bytes are a miss.
#[test]
fn each_byte_that_is_another_is_a_miss() {
    for frame in frames() {
        for at in 0..frame.len() {
            for byte in [0, 1, 0x7f, 0xff, !frame[at]] {
                let mut changed = frame.to_vec();
                changed[at] = byte;
                let read = read(KEY, &changed.into());
                assert_eq!(read.is_some(), byte == frame[at], "{byte} at {at}");
            }
        }
    }
}

// Damaged bytes are a miss.
#[test]
fn a_frame_that_is_cut_anywhere_is_a_miss() {
    for frame in frames() {
        for cut in 0..frame.len() {
            assert!(read(KEY, &frame.slice(..cut)).is_none(), "cut at {cut}");
        }
    }
}

#[test]
fn an_error_for_a_prefix_has_the_length_that_is_needed() {
    for frame in frames() {
        let head_end = head_end(&frame);
        for cut in 0..=frame.len() {
            let head = read_head(KEY, &frame.slice(..cut));
            let needed = match head {
                Some(Head::Short { needed }) => Some(needed),
                Some(Head::Whole { .. }) => None,
                None => panic!("cut at {cut}"),
            };
            let should = match cut {
                _ if cut < io::HEADER_SIZE => Some(io::HEADER_SIZE),
                _ if cut < head_end => Some(head_end),
                _ => None,
            };
            assert_eq!(needed, should, "cut at {cut}");
        }
    }
}

// Lengths of four gigabytes, wherever there are four bytes.
#[test]
fn claims_allocate_nothing() {
    for frame in frames() {
        for at in 0..frame.len() - 3 {
            let mut claiming = frame.to_vec();
            claiming[at..at + 4].fill(0xff);
            trial(&claiming, meter);
        }
    }
}

// What takes the most room for its bytes, and as much of it as there may be.
#[test]
fn the_densest_frame_allocates_little() {
    let stored = StoredResponse {
        headers: vec![(HeaderName::from_static("q"), HeaderValue::from_static("")); 512].into(),
        variant: Some(Variant {
            names: vec![Selector::Lines(HeaderName::from_static("q")); 256],
            values: Box::default(),
        }),
        ..StoredResponse::default()
    };
    let about = Metadata {
        nonces: vec![nonce(1); 10_000].into(),
        named: vec![("".into(), nonce(1)); 10_000],
        ..Metadata::default()
    };
    let frame = response(KEY, &stored, &about).unwrap();
    assert!(read(KEY, &frame).is_some());
    trial(&frame, meter);
}

#[test]
fn a_meter_sees_what_is_allocated() {
    let spent = meter(&mut || drop(vec![0_u8; 10_000]));
    assert!((10_000..20_000).contains(&spent), "{spent} bytes");
}

// A decoder panics for no bytes.
#[test]
fn frames_with_a_few_mistakes_keep_what_is_promised() {
    let seeds: Vec<_> = frames().into_iter().chain(snapshots::all()).collect();
    let mut dice = Dice(0x5eed);
    for number in 0..20_000 {
        let mut frame = seeds[number % seeds.len()].to_vec();
        for _ in 0..=dice.below(4) {
            mistake(&mut frame, &mut dice);
        }
        trial(&frame, meter);
    }
}

/// Changes a byte, a number or the length, or takes a part for another.
fn mistake(frame: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(frame.len().max(1));
    match dice.below(6) {
        0 => frame.truncate(at),
        1 => frame.insert(at.min(frame.len()), dice.byte()),
        2 if at < frame.len() => drop(frame.remove(at)),
        3 => {
            let from = dice.below(frame.len().max(1));
            let part = frame[from.min(at)..from.max(at)].to_vec();
            frame.splice(at..at, part);
        }
        4 => frame.extend([dice.byte(); 3]),
        _ => frame[at..]
            .iter_mut()
            .take(1)
            .for_each(|byte| *byte = dice.byte()),
    }
}

/// The same row of numbers from the same seed (xorshift).
struct Dice(u32);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    fn byte(&mut self) -> u8 {
        let any = self.next().to_le_bytes()[1];
        [any, 0, 1, 0xff][self.below(4)]
    }
}

proptest! {
    #[test]
    fn garbage_is_a_miss(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(read(KEY, &bytes.clone().into()).is_none());
        trial(&bytes, meter);
    }
}
