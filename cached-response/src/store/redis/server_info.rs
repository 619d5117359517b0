//! The clock and the role of a server, as it last reported them.

use crate::store::{
    StoreError,
    redis::{
        error::protocol_error,
        reply::{refusal, replies, text},
    },
};
use redis::{Pipeline, Value};
use std::time::{Duration, Instant};

/// A report that is older than this is renewed in the background when the connection is used.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(5);

/// A report of a server about itself.
#[derive(Clone, Debug)]
pub(crate) struct ServerInfo {
    reported_at: Instant,
    /// Its clock at that time, in milliseconds since 1970. `None` for a user who may not read it.
    clock: Option<u64>,
    /// `true` where a replica is in step with it, as far as the user may know.
    pub(crate) has_replicas: bool,
    /// `true` for a replica: its contents may be old, and it takes no writes.
    pub(crate) is_replica: bool,
}

/// The commands whose replies make a report.
pub(crate) fn commands() -> Pipeline {
    let mut commands = Pipeline::with_capacity(2);
    commands.cmd("TIME").cmd("INFO").arg("replication");
    commands
}

impl ServerInfo {
    /// The report in the replies to [`commands`]. What the server refuses to tell is unknown.
    ///
    /// # Errors
    /// Replies to other commands: the connection is out of step.
    pub(crate) fn from_replies(values: Vec<Value>) -> Result<Self, StoreError> {
        let [time, replication] = replies(values)?;
        let info = Self::of(&time, &replication, Instant::now());
        let is_time = matches!(time, Value::Array(_)) || refusal(&time).is_some();
        let is_text = text(&replication).is_some() || refusal(&replication).is_some();
        if is_time && is_text {
            Ok(info)
        } else {
            Err(protocol_error())
        }
    }

    fn of(time: &Value, replication: &Value, reported_at: Instant) -> Self {
        let text = text(replication).unwrap_or_default();
        let is_in_step = |line: &str| line.starts_with("slave") && line.contains("state=online");
        Self {
            reported_at,
            clock: clock(time),
            has_replicas: text.lines().any(is_in_step),
            is_replica: text.lines().any(|line| line == "role:slave"),
        }
    }

    /// A report without contents, which does not get old: nodes of a cluster are asked with each write.
    pub(crate) fn unknown() -> Self {
        Self::of(&Value::Nil, &Value::Nil, Instant::now())
    }

    /// `true` where it was made longer ago than [`MAX_AGE`].
    pub(crate) fn is_old(&self) -> bool {
        self.reported_at.elapsed() > MAX_AGE
    }

    /// The server's clock at `moment`, or a little less: it was read before it was reported.
    pub(crate) fn clock_at(&self, moment: Instant) -> Option<u64> {
        let since = moment.saturating_duration_since(self.reported_at);
        let since = u64::try_from(since.as_millis()).ok()?;
        self.clock?.checked_add(since)
    }
}

fn clock(time: &Value) -> Option<u64> {
    let Value::Array(parts) = time else {
        return None;
    };
    let [seconds, microseconds] = parts.as_slice() else {
        return None;
    };
    let milliseconds = number(seconds)?.checked_mul(1_000)?;
    milliseconds.checked_add(number(microseconds)? / 1_000)
}

fn number(value: &Value) -> Option<u64> {
    text(value)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn time(seconds: &str, microseconds: &str) -> Value {
        Value::Array(vec![bulk(seconds), bulk(microseconds)])
    }

    fn replication(text: &str) -> ServerInfo {
        ServerInfo::of(&Value::Nil, &bulk(text), Instant::now())
    }

    #[test]
    fn a_primary_has_a_replica_that_is_in_step() {
        let text = "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n\
            slave0:ip=127.0.0.1,port=7,state=online,offset=14,lag=0\r\n";
        let info = replication(text);
        assert!(info.has_replicas && !info.is_replica);
    }

    #[test]
    fn a_replica_that_is_being_filled_does_not_count() {
        let text = "role:master\r\nslave0:ip=127.0.0.1,port=7,state=wait_bgsave,offset=0,lag=0\r\n";
        assert!(!replication(text).has_replicas);
    }

    #[test]
    fn a_replica_is_known_by_its_role() {
        assert!(replication("role:slave\r\nmaster_host:127.0.0.1\r\n").is_replica);
    }

    #[test]
    fn the_clock_advances_from_the_report() {
        let reported_at = Instant::now();
        let info = ServerInfo::of(&time("5", "7999"), &Value::Nil, reported_at);
        let later = reported_at + Duration::from_millis(250);
        assert_eq!(info.clock_at(later), Some(5_257));
    }

    #[test]
    fn a_clock_that_is_no_number_is_none() {
        for (seconds, microseconds) in [("", "0"), ("x", "0"), ("18446744073709551615", "0")] {
            let info = ServerInfo::of(&time(seconds, microseconds), &Value::Nil, Instant::now());
            assert_eq!(info.clock_at(Instant::now()), None);
        }
    }

    #[test]
    fn replies_to_other_commands_are_an_error() {
        for wrong in [
            vec![],
            vec![time("1", "2")],
            vec![bulk("role:master"), time("1", "2")],
            vec![Value::Int(5), bulk("role:master")],
        ] {
            assert!(ServerInfo::from_replies(wrong).is_err());
        }
        assert!(ServerInfo::from_replies(vec![time("1", "2"), bulk("role:master")]).is_ok());
    }

    proptest! {
        #[test]
        fn any_report_is_read(
            text in any::<Vec<u8>>(),
            parts in prop::collection::vec("[0-9]{0,25}", 0..4),
        ) {
            let time = Value::Array(parts.iter().map(|part| bulk(part)).collect());
            let info = ServerInfo::of(&time, &Value::BulkString(text), Instant::now());
            let _ = info.clock_at(Instant::now());
        }
    }
}
