//! The app's own controls: scripts, the log, invalidation.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use actix_web::http::header::HttpDate;
use regex_lite::{Captures, Regex};
use serde::Deserialize;

use super::Case;
use crate::raw::{self, Request, Response};

/// The handler's script of one case, under an id that no other case has.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) app: SocketAddr,
    pub(super) id: String,
}

/// One run of the handler, as the app logged it.
#[derive(Debug, Deserialize)]
pub(super) struct Run {
    headers: Vec<(String, String)>,
}

impl Run {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Fixture {
    pub(super) fn new(app: SocketAddr, case: &Case) -> Result<Self, String> {
        let id = format!("{:016x}", RandomState::new().hash_one(&case.title));
        let script = serde_json::to_string(&case.script).map_err(|error| error.to_string())?;
        let script = dated(&script, SystemTime::now())?.replace("{id}", &id);
        let fixture = Self { app, id };
        let request = Request::new("PUT", format!("/_script/{}", fixture.id)).body(script);
        match fixture.fetch(&request)?.status() {
            201 => Ok(fixture),
            status => Err(format!("the app refused the script: {status}")),
        }
    }

    pub(super) fn runs(&self) -> Result<Vec<Run>, String> {
        let log = self.fetch(&Request::get(format!("/_log/{}", self.id)))?;
        serde_json::from_slice(&log.body).map_err(|error| format!("the log: {error}"))
    }

    /// Asks again and again; a barrier inside the app would need a second way in.
    pub(super) fn await_runs(&self, count: usize) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            if self.runs()?.len() >= count {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(format!("the handler did not begin {count} runs"))
    }

    pub(super) fn invalidate(&self, query: &str) -> Result<(), String> {
        let request = Request::post(format!("/_invalidate?{query}"), "");
        match self.fetch(&request)?.status() {
            200 | 204 => Ok(()),
            status => Err(format!("the app did not invalidate: {status}")),
        }
    }

    fn fetch(&self, request: &Request) -> Result<Response, String> {
        raw::fetch(self.app, request).map_err(|error| format!("the app's controls: {error}"))
    }
}

/// The script with `{now}`, `{now-20}` and `{now+20}` as the dates that they stand for.
fn dated(script: &str, now: SystemTime) -> Result<String, String> {
    let mark = Regex::new(r"\{now(?:([+-])(\d{1,9}))?\}").map_err(|error| error.to_string())?;
    let date = |found: &Captures<'_>| {
        let seconds = found.get(2).and_then(|digits| digits.as_str().parse().ok());
        let offset = Duration::from_secs(seconds.unwrap_or(0));
        let is_past = found.get(1).is_some_and(|sign| sign.as_str() == "-");
        let date = if is_past { now - offset } else { now + offset };
        HttpDate::from(date).to_string()
    };
    Ok(mark.replace_all(script, date).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::dated;

    #[test]
    fn dates_of_a_script_count_from_now() {
        let now = UNIX_EPOCH + Duration::from_secs(100);
        for (script, expected) in [
            ("{now}", "Thu, 01 Jan 1970 00:01:40 GMT"),
            ("{now-100}", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("{now+20}", "Thu, 01 Jan 1970 00:02:00 GMT"),
            ("{now+}{id}", "{now+}{id}"),
        ] {
            assert_eq!(dated(script, now).unwrap(), expected);
        }
    }
}
