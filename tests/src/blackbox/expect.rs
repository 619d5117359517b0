//! Expected responses, and their comparison with actual ones.

use std::collections::BTreeMap;

use actix_web::web::Bytes;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use super::Pick;
use crate::raw::Response;
use crate::status_field;

/// Properties of a response; those that are absent are not checked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// The allowed statuses.
    pub status: Option<Pick<u16>>,
    /// Runs of the handler that it may come from.
    pub run: Option<Pick<usize>>,
    /// True if it is answered from the cache, as `Age` shows.
    pub hit: Option<bool>,
    /// The body, in Latin-1.
    pub body: Option<String>,
    /// The body's SHA-1 in hex.
    pub sha1: Option<String>,
    /// The body's length.
    pub length: Option<usize>,
    /// The most that the body's length may be.
    pub length_at_most: Option<usize>,
    /// Fields: `null` absent, `*` there, `~` a pattern, `>=` and `<=` a number, else the value itself.
    pub headers: BTreeMap<String, Value>,
    /// Seconds until it is there.
    pub within: Option<f64>,
    /// Seconds that a cache downstream may at most take it to be fresh for.
    pub fresh_at_most: Option<i64>,
    /// Parameters of the last member of `Cache-Status`; an array is a choice.
    pub cache_status: BTreeMap<String, Value>,
    /// Number of members of `Cache-Status`.
    pub members: Option<usize>,
}

type Outcome = Result<(), String>;

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &[T]) -> Outcome {
    if wanted.contains(got) {
        return Ok(());
    }
    Err(format!("{what} is {got:?}, want one of {wanted:?}"))
}

impl Expect {
    /// Compares; the error says what differs.
    pub fn check(&self, response: &Response) -> Outcome {
        if let Some(status) = &self.status {
            same("the status", &response.status(), status.all())?;
        }
        if let Some(run) = &self.run {
            let header = response.header("x-run");
            let number = header.as_deref().and_then(|run| run.parse().ok());
            let number = number.ok_or_else(|| format!("the run is {header:?}"))?;
            same("the run", &number, run.all())?;
        }
        if let Some(hit) = self.hit {
            let age = response.header("age");
            let from = if hit { "the store" } else { "the handler" };
            same(
                &format!("with Age {age:?}, from {from}"),
                &age.is_some(),
                &[hit],
            )?;
        }
        self.check_body(&response.body)?;
        for (name, wanted) in &self.headers {
            value(name, &header(response, name), wanted)?;
        }
        self.check_times(response)?;
        self.check_status_field(response)
    }

    fn check_body(&self, body: &[u8]) -> Outcome {
        if let Some(length) = self.length {
            same("the body's length", &body.len(), &[length])?;
        }
        if self.length_at_most.is_some_and(|most| body.len() > most) {
            return Err(format!("the body has {} octets", body.len()));
        }
        if let Some(text) = &self.body {
            let got: String = body.iter().copied().map(char::from).collect();
            if got != *text {
                let start: String = got.chars().take(60).collect();
                return Err(format!("the body begins with {start:?}, want {text:?}"));
            }
        }
        if let Some(sum) = &self.sha1 {
            let got = format!("{:x}", Bytes::copy_from_slice(&Sha1::digest(body)));
            same("the body's SHA-1", &got, std::slice::from_ref(sum))?;
        }
        Ok(())
    }

    fn check_times(&self, response: &Response) -> Outcome {
        let took = response.took.as_secs_f64();
        if self.within.is_some_and(|bound| took > bound) {
            return Err(format!("it took {took:.2} s"));
        }
        let Some(bound) = self.fresh_at_most else {
            return Ok(());
        };
        let policy = response.header("cache-control").unwrap_or_default();
        let directive =
            Regex::new(r"(?:s-maxage|max-age)=(\d+)").map_err(|error| error.to_string())?;
        let Some(lifetime) = directive
            .captures(&policy)
            .and_then(|it| it[1].parse::<i64>().ok())
        else {
            return Ok(());
        };
        let age = response
            .header("age")
            .and_then(|age| age.parse::<i64>().ok());
        let left = lifetime - age.unwrap_or(0);
        if left > bound {
            return Err(format!("a cache downstream may keep it {left} s"));
        }
        Ok(())
    }

    fn check_status_field(&self, response: &Response) -> Outcome {
        if self.members.is_none() && self.cache_status.is_empty() {
            return Ok(());
        }
        let members = status_field::members(&response.head)?;
        if let Some(count) = self.members {
            same("the number of caches", &members.len(), &[count])?;
        }
        let ours = members.last().ok_or("there is no Cache-Status")?;
        for (name, wanted) in &self.cache_status {
            value(
                &format!("Cache-Status {name}"),
                &ours.parameter(name),
                wanted,
            )?;
        }
        Ok(())
    }
}

fn header(response: &Response, name: &str) -> Value {
    response.header(name).map_or(Value::Null, Value::from)
}

/// Compares one value with what is written down for it.
fn value(name: &str, got: &Value, wanted: &Value) -> Outcome {
    let met = match wanted {
        Value::Array(choice) => choice.iter().any(|one| value(name, got, one).is_ok()),
        Value::String(text) => meets(got, text).map_err(|error| format!("{name}: {error}"))?,
        other => got == other,
    };
    if met {
        return Ok(());
    }
    Err(format!("{name} is {got}, want {wanted}"))
}

fn meets(got: &Value, wanted: &str) -> Result<bool, String> {
    let text = got.as_str().unwrap_or_default();
    let number = got.as_i64().or_else(|| text.parse().ok());
    let bound = |digits: &str| digits.parse::<i64>().map_err(|error| error.to_string());
    if wanted == "*" {
        return Ok(!got.is_null());
    }
    if let Some(pattern) = wanted.strip_prefix('~') {
        let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
        return Ok(!got.is_null() && pattern.is_match(text));
    }
    if let Some(least) = wanted.strip_prefix(">=") {
        let least = bound(least)?;
        return Ok(number.is_some_and(|number| number >= least));
    }
    if let Some(most) = wanted.strip_prefix("<=") {
        let most = bound(most)?;
        return Ok(number.is_some_and(|number| number <= most));
    }
    Ok(got.as_str() == Some(wanted))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::Expect;
    use crate::raw::{Head, Response};

    fn checked(expect: Value) -> Result<(), String> {
        let fields = [
            ("X-Run", "2"),
            ("Age", "3"),
            ("Link", "</a>"),
            ("Link", "</b>"),
            ("Cache-Control", "public, max-age=60"),
            ("Cache-Status", "ours; hit; ttl=57"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let head = Head {
            status: 200,
            fields: fields.to_vec(),
        };
        let response = Response {
            interim: Vec::new(),
            head,
            body: b"abc".to_vec(),
            took: Duration::from_millis(100),
        };
        serde_json::from_value::<Expect>(expect)
            .unwrap()
            .check(&response)
    }

    #[test]
    fn what_is_met_is_accepted() {
        for expect in [
            json!({"status": 200, "run": [1, 2], "hit": true, "body": "abc", "length": 3, "length_at_most": 3}),
            json!({"sha1": "a9993e364706816aba3e25717850c26c9cd0d89d", "within": 1.0}),
            json!({"headers": {"link": "</a>, </b>", "age": "*", "X-Run": "~^[23]$", "etag": null}}),
            json!({"headers": {"age": ">=3"}, "fresh_at_most": 57}),
            json!({"cache_status": {"hit": true, "fwd": null, "ttl": "<=57"}, "members": 1}),
            json!({"cache_status": {"ttl": [1, 57]}}),
        ] {
            assert_eq!(checked(expect.clone()), Ok(()), "{expect}");
        }
    }

    #[test]
    fn what_is_not_met_is_an_error() {
        for expect in [
            json!({"status": [201, 304]}),
            json!({"run": 1}),
            json!({"hit": false}),
            json!({"body": "ab"}),
            json!({"length": 4}),
            json!({"length_at_most": 2}),
            json!({"sha1": "00"}),
            json!({"within": 0.05}),
            json!({"headers": {"link": "</b>, </a>"}}),
            json!({"headers": {"etag": "*"}}),
            json!({"headers": {"etag": "~.*"}}),
            json!({"headers": {"age": null}}),
            json!({"headers": {"age": "<=2"}}),
            json!({"fresh_at_most": 56}),
            json!({"cache_status": {"hit": null}}),
            json!({"cache_status": {"ttl": ">=58"}}),
            json!({"cache_status": {"fwd": ["miss", "stale"]}}),
            json!({"members": 2}),
        ] {
            assert!(checked(expect.clone()).is_err(), "{expect}");
        }
    }
}
