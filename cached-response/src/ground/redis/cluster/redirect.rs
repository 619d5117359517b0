//! Where a node says that a name is, where it is not its own.

use redis::ServerError;

use super::map::Place;
use crate::ground::redis::command::Answer;

/// Another node that is to be asked.
#[derive(Debug, PartialEq)]
pub(super) enum Redirect {
    /// The name's slot is there now.
    Moved(Place),
    /// The slot is on its way there, and this name has arrived.
    Ask(Place),
}

/// The redirect among the answers to what was asked of the node in place `said_by`, if there is one.
pub(super) fn of(answers: &[Answer], said_by: &str) -> Option<Redirect> {
    let mut refusals = answers.iter().filter_map(Answer::refusal);
    refusals.find_map(|refusal| read(refusal, said_by))
}

/// Whether these answers show that the map is out of date.
pub(super) fn shows_another_map(answers: &[Answer]) -> bool {
    let mut refusals = answers.iter().filter_map(Answer::refusal);
    refusals.any(|it| matches!(it.code(), "MOVED" | "CLUSTERDOWN" | "READONLY"))
}

/// Reads `MOVED 3999 127.0.0.1:6381`.
fn read(refusal: &ServerError, said_by: &str) -> Option<Redirect> {
    let redirect = match refusal.code() {
        "MOVED" => Redirect::Moved,
        "ASK" => Redirect::Ask,
        _ => return None,
    };
    let (_, place) = refusal.details()?.split_once(' ')?;
    let (host, port) = place.rsplit_once(':')?;
    let host = if host.is_empty() { said_by } else { host };
    Some(redirect((host.to_owned(), port.parse().ok()?)))
}

impl Redirect {
    /// Where it points, and whether the node must be told that it was pointed at.
    pub(super) fn into_parts(self) -> (Place, bool) {
        match self {
            Self::Moved(place) => (place, false),
            Self::Ask(place) => (place, true),
        }
    }
}
