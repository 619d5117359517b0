//! Many games, and games with a mistake planted in them.

use std::collections::HashMap;
use std::env;

use tests::alone::{Panics, alone};

use crate::game::{Move, Played, play};
use crate::shrink::shrink;
use crate::world::Plant;
use tests::dice::Dice;

/// Default number of games, without `SOAK_GAMES`.
const GAMES: u64 = 300;
const MOVES: usize = 400;

/// Plays until an answer is wrong, and returns the fewest moves that lead to one.
fn find(seed: u64, games: u64, plant: Option<Plant>) -> Option<String> {
    (seed..seed + games).find_map(|seed| {
        let moves = Move::of_a_game(seed, MOVES);
        play(&moves, plant).violation?;
        let fails = |moves: &[Move]| play(moves, plant).violation.is_some();
        let moves = shrink(&moves, fails);
        let violation = play(&moves, plant).violation?;
        let moves: Vec<String> = moves.iter().map(|one| format!("{one:?}")).collect();
        let moves = moves.join("\n");
        Some(format!("SOAK_SEED={seed}, {violation}, after\n{moves}"))
    })
}

/// Harness recipe 6.
#[test]
fn no_game_ends_with_an_answer_older_than_promised_or_for_another_request() {
    alone(|| {
        let panics = Panics::count();
        let games = env::var("SOAK_GAMES").ok();
        let games = games.map_or(GAMES, |games| games.parse().unwrap());
        let found = find(Dice::seed(), games, None);
        assert!(found.is_none(), "{}", found.unwrap_or_default());
        assert_eq!(panics.unordered(), 0);
    });
}

/// A game without a possible failure shows nothing.
#[test]
fn a_game_plays_the_same_way_each_time_and_much_happens_in_it() {
    alone(|| {
        Panics::count();
        let mut words: HashMap<&str, usize> = HashMap::new();
        let played: Vec<Played> = (0..150)
            .map(|seed| {
                let moves = Move::of_a_game(seed, MOVES);
                let played = play(&moves, None);
                if seed % 10 == 0 {
                    assert_eq!(played, play(&moves, None), "seed {seed}");
                }
                played
            })
            .collect();
        for answer in played.iter().flat_map(|played| &played.answers) {
            for word in [
                "hit",
                "collapsed",
                "stored",
                "detail=invalidated",
                "fwd=vary-miss",
                "fwd=stale",
                "fwd-status=304",
                "detail=stale-while-revalidate",
                "detail=stale-if-error",
                "(304",
                "(206",
                "(500",
                "-> None",
                "POST",
            ] {
                *words.entry(word).or_default() += usize::from(answer.contains(word));
            }
        }
        assert!(words.values().all(|count| *count > 5), "{words:?}");
    });
}

/// The oracle works: each planted mistake is found, and reported in a few moves.
#[test]
fn every_planted_mistake_is_found() {
    alone(|| {
        Panics::count();
        for (plant, word) in [
            (Plant::ReadsOld, "is promised"),
            (Plant::AcknowledgesEarly, "is promised"),
            (Plant::MixesUsers, "the page of"),
            (Plant::GrowsBody, "another body"),
        ] {
            let found = find(0, GAMES, Some(plant));
            let found = found.unwrap_or_else(|| panic!("{plant:?} was not found"));
            assert!(found.contains(word), "{plant:?}: {found}");
            assert!(found.lines().count() <= 40, "{plant:?} takes {found}");
        }
    });
}
