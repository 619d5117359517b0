//! The app's own controls: scripts, the log, invalidation.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

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
        let id = format!("{:016x}", RandomState::new().hash_one(&case.id));
        let script = serde_json::to_vec(&case.script).map_err(|error| error.to_string())?;
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
