//! What a server answers, line by line.

use crate::store::error::StoredValue;
use std::time::Duration;

/// A line of an answer, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// So many bytes follow, and this is left.
    Value(usize, Duration),
    /// It was done.
    Done,
    /// There is nothing to get.
    Absent,
    /// There was nothing to delete.
    NotFound,
    /// It was not put there, since something lies there.
    NotStored,
    /// The server cannot, and says why. What was sent with it was read.
    Refused(String),
    /// The server has not understood what was asked, or does not listen to us.
    Misunderstood(String),
    /// What the server's clock says.
    Time(u64),
    /// Something else that it tells of itself.
    Stat,
    /// It has told all of itself.
    End,
}

/// Reads a line; `None` where it is none of ours.
pub(crate) fn line(bytes: &[u8]) -> Option<Line> {
    let text = str::from_utf8(bytes).ok()?;
    if text.contains(|letter: char| letter.is_control()) {
        return None;
    }
    match text {
        "HD" => Some(Line::Done),
        "EN" => Some(Line::Absent),
        "NF" => Some(Line::NotFound),
        "NS" => Some(Line::NotStored),
        "END" => Some(Line::End),
        "ERROR" => Some(Line::Misunderstood(text.to_owned())),
        _ => with_more(text),
    }
}

fn with_more(text: &str) -> Option<Line> {
    match text.split_once(' ')? {
        ("VA", rest) => value(rest),
        ("STAT", rest) => stat(rest),
        ("SERVER_ERROR", words) => Some(Line::Refused(words.to_owned())),
        ("CLIENT_ERROR" | "ERROR", _) => Some(Line::Misunderstood(text.to_owned())),
        _ => None,
    }
}

/// As in `VA 5 t59`: five bytes, and it is forgotten when the clock has ticked 59 times.
fn value(rest: &str) -> Option<Line> {
    let (size, left) = rest.split_once(" t")?;
    let ticks = match left {
        // It has no end; it is none of ours.
        "-1" => 0,
        ticks => digits(ticks)?,
    };
    // The first tick may come at once.
    let left = Duration::from_secs(ticks.saturating_sub(1));
    Some(Line::Value(digits(size)?.try_into().ok()?, left))
}

fn stat(rest: &str) -> Option<Line> {
    match rest.strip_prefix("time ") {
        Some(seconds) => Some(Line::Time(digits(seconds)?)),
        None => Some(Line::Stat),
    }
}

/// Up to 18 of them, so that they fit.
fn digits(text: &str) -> Option<u64> {
    let is_number =
        (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// The answer to one thing that was asked.
#[derive(Debug)]
pub(crate) enum Response {
    Value(StoredValue),
    Absent,
    Done,
    NotStored,
    Refused(String),
}

impl Response {
    pub(crate) fn kept(self) -> Option<StoredValue> {
        match self {
            Self::Value(kept) => Some(kept),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_a_server_are_read() {
        let seconds = Duration::from_secs;
        for (text, expected) in [
            ("VA 5 t60", Line::Value(5, seconds(59))),
            ("VA 0 t1", Line::Value(0, seconds(0))),
            ("VA 5 t0", Line::Value(5, seconds(0))),
            ("VA 5 t-1", Line::Value(5, seconds(0))),
            ("HD", Line::Done),
            ("EN", Line::Absent),
            ("NF", Line::NotFound),
            ("NS", Line::NotStored),
            (
                "SERVER_ERROR out of memory",
                Line::Refused("out of memory".into()),
            ),
            (
                "CLIENT_ERROR bad",
                Line::Misunderstood("CLIENT_ERROR bad".into()),
            ),
            (
                "ERROR Too many",
                Line::Misunderstood("ERROR Too many".into()),
            ),
            ("STAT time 1795393817", Line::Time(1_795_393_817)),
            ("STAT version 1.6.18", Line::Stat),
            ("END", Line::End),
        ] {
            assert_eq!(line(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for text in [
            "",
            " ",
            "hd",
            "HD ",
            "HD t5",
            "VA",
            "VA 5",
            "VA 5 f1",
            "VA t5",
            "VA -1 t5",
            "VA +5 t5",
            "VA 5 t",
            "VA 5 t-2",
            "VA 5 t5 f1",
            "VA  5 t5",
            "VA 9999999999999999999 t5",
            "VALUE a 0 5",
            "STAT time x",
            "HD\r",
            "SERVER_ERROR a\tb",
            "MN",
            "OK",
        ] {
            assert_eq!(line(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(line(b"SERVER_ERROR \xff"), None);
    }

    proptest! {
        #[test]
        fn a_value_says_what_it_says(size in 0..1_usize << 40, ticks in 1..1_u64 << 40) {
            let text = format!("VA {size} t{ticks}");
            let left = Duration::from_secs(ticks - 1);
            prop_assert_eq!(line(text.as_bytes()), Some(Line::Value(size, left)));
        }

        #[test]
        fn whatever_comes_is_read_without_a_panic(bytes: Vec<u8>, text in "(VA|HD|STAT|END)[ t0-9-]{0,30}") {
            line(&bytes);
            line(text.as_bytes());
        }
    }
}
