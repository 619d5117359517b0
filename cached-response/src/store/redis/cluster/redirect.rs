//! Where a node says that a name is, where it is not its own.

use redis::ServerError;

use crate::store::redis::{answer::Answer, cluster::map::Place};

/// Another node that is to be asked.
#[derive(Debug, PartialEq)]
pub(crate) enum Redirect {
    /// The name's slot is there now.
    Moved(Place),
    /// The slot is on its way there, and this name has arrived.
    Ask(Place),
}

/// The redirect among the answers to what was asked of the node in place `said_by`, if there is one.
pub(crate) fn of(answers: &[Answer], said_by: &str) -> Option<Redirect> {
    let mut refusals = answers.iter().filter_map(Answer::refusal);
    refusals.find_map(|refusal| read(refusal, said_by))
}

/// Whether these answers show that the map is out of date.
pub(crate) fn shows_another_map(answers: &[Answer]) -> bool {
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
    pub(crate) fn into_parts(self) -> (Place, bool) {
        match self {
            Self::Moved(place) => (place, false),
            Self::Ask(place) => (place, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redis::{ServerError, Value, parse_redis_value};

    use super::{Redirect, of, shows_another_map};
    use crate::store::redis::answer::Answer;

    fn refused(line: &str) -> Answer {
        let Ok(Value::ServerError(error)) = parse_redis_value(format!("-{line}\r\n").as_bytes())
        else {
            panic!("{line:?} is no error");
        };
        let error: ServerError = error;
        Answer::Refused(error)
    }

    fn place(host: &str, port: u16) -> (String, u16) {
        (host.to_owned(), port)
    }

    #[test]
    fn a_redirect_says_where_to_go() {
        for (line, redirect) in [
            (
                "MOVED 3999 127.0.0.1:6381",
                Redirect::Moved(place("127.0.0.1", 6381)),
            ),
            (
                "ASK 3999 host.example:7",
                Redirect::Ask(place("host.example", 7)),
            ),
            ("MOVED 3999 ::1:6381", Redirect::Moved(place("::1", 6381))),
            ("MOVED 3999 :6381", Redirect::Moved(place("asked", 6381))),
        ] {
            assert_eq!(of(&[Answer::Done, refused(line)], "asked"), Some(redirect));
        }
    }

    #[test]
    fn another_refusal_is_no_redirect() {
        for line in [
            "CLUSTERDOWN Hash slot not served",
            "MOVED",
            "MOVED 5",
            "MOVED 5 host:port",
        ] {
            assert_eq!(of(&[refused(line)], "asked"), None, "{line}");
        }
        assert!(shows_another_map(&[Answer::Done, refused("CLUSTERDOWN x")]));
        assert!(!shows_another_map(&[
            refused("ASK 1 host:7"),
            refused("OOM x")
        ]));
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_read_or_none(details in "[ -~]{0,40}") {
            let _ = of(&[refused(&format!("MOVED {details}"))], "asked");
        }
    }
}
