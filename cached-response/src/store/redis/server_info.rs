//! What is known of a server: its clock, and whether it has replicas.

use actix_web::web::Bytes;
use redis::Value;
use std::time::{Duration, Instant};

use crate::store::redis::answer::Answer;

/// How old what is known of a server may be where something is stored, told or looked up.
pub(crate) const NEW: Duration = Duration::from_secs(5);

/// What a server has last said of itself.
#[derive(Clone, Debug)]
pub(crate) struct ServerInfo {
    said: Instant,
    /// What its clock was then, in milliseconds. A user who may not ask has none.
    clock: Option<u64>,
    /// Whether a replica is in step with it, as far as the user may ask.
    pub(crate) has_replicas: bool,
    /// Whether it is itself a replica: what it holds may be old, and it takes no writes.
    pub(crate) is_replica: bool,
}

impl ServerInfo {
    /// Of what a server answered to `TIME` and `INFO replication`.
    pub(crate) fn of(time: &Answer, replication: &Answer, said: Instant) -> Self {
        let text = match replication {
            Answer::Bytes(bytes) => text(bytes),
            _ => "",
        };
        let has = |line: &str| line.starts_with("slave") && line.contains("state=online");
        Self {
            said,
            clock: clock(time),
            has_replicas: text.lines().any(has),
            is_replica: text.lines().any(|line| line == "role:slave"),
        }
    }

    /// Whether it was said so long ago.
    pub(crate) fn is_older_than(&self, time: Duration) -> bool {
        self.said.elapsed() > time
    }

    /// What the server's clock says at `moment`, or a little less: it spoke before it was heard.
    pub(crate) fn clock_at(&self, moment: Instant) -> Option<u64> {
        let since = moment.saturating_duration_since(self.said);
        let since = u64::try_from(since.as_millis()).ok()?;
        self.clock?.checked_add(since)
    }
}

fn text(bytes: &Bytes) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

fn clock(time: &Answer) -> Option<u64> {
    let Answer::Many(parts) = time else {
        return None;
    };
    let [seconds, microseconds] = parts.as_slice() else {
        return None;
    };
    let milliseconds = number(seconds)?.checked_mul(1_000)?;
    milliseconds.checked_add(number(microseconds)? / 1_000)
}

fn number(value: &Value) -> Option<u64> {
    let Value::BulkString(bytes) = value else {
        return None;
    };
    str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use redis::Value;

    use super::ServerInfo;
    use crate::store::redis::answer::Answer;

    fn time(seconds: &str, microseconds: &str) -> Answer {
        let part = |text: &str| Value::BulkString(text.into());
        Answer::Many(vec![part(seconds), part(microseconds)])
    }

    fn replication(text: &'static str) -> Answer {
        Answer::Bytes(text.as_bytes().into())
    }

    #[test]
    fn a_primary_with_a_replica_in_step() {
        let text = "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n\
            slave0:ip=127.0.0.1,port=7,state=online,offset=14,lag=0\r\n";
        let known = ServerInfo::of(&time("5", "7999"), &replication(text), Instant::now());
        assert!(known.has_replicas && !known.is_replica);
    }

    #[test]
    fn a_replica_that_is_being_filled_counts_for_nothing() {
        let text = "role:master\r\nslave0:ip=127.0.0.1,port=7,state=wait_bgsave,offset=0,lag=0\r\n";
        assert!(!ServerInfo::of(&Answer::Nothing, &replication(text), Instant::now()).has_replicas);
    }

    #[test]
    fn a_replica_says_so() {
        let text = "role:slave\r\nmaster_host:127.0.0.1\r\n";
        assert!(ServerInfo::of(&Answer::Nothing, &replication(text), Instant::now()).is_replica);
    }

    #[test]
    fn the_clock_goes_on_from_what_was_said() {
        let said = Instant::now();
        let known = ServerInfo::of(&time("5", "7999"), &Answer::Nothing, said);
        let later = said + Duration::from_millis(250);
        assert_eq!(known.clock_at(later), Some(5_257));
    }

    #[test]
    fn a_clock_that_makes_no_sense_is_none() {
        for (seconds, microseconds) in [("", "0"), ("x", "0"), ("18446744073709551615", "0")] {
            let time = time(seconds, microseconds);
            let known = ServerInfo::of(&time, &Answer::Nothing, Instant::now());
            assert_eq!(known.clock_at(Instant::now()), None);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_server_says_of_itself_is_heard(
            text in any::<Vec<u8>>(),
            parts in prop::collection::vec("[0-9]{0,25}", 0..4),
        ) {
            let parts = parts.into_iter().map(|part| Value::BulkString(part.into()));
            let time = Answer::Many(parts.collect());
            let known = ServerInfo::of(&time, &Answer::Bytes(text.into()), Instant::now());
            let _ = known.clock_at(Instant::now());
        }
    }
}
