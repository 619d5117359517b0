//! The scripts of all tests, with a log of the requests to each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use serde::Serialize;

use crate::answer::Answer;

/// The scripts by their ids, shared by all workers.
#[derive(Debug, Default)]
pub(crate) struct Scripts(Mutex<HashMap<String, Script>>);

#[derive(Debug)]
struct Script {
    answers: Vec<Arc<Answer>>,
    runs: Vec<Run>,
}

/// The request of one run of the handler.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Run {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Scripts {
    /// Stores a script. Its runs are counted from 1.
    pub(crate) fn put(&self, id: String, answers: Vec<Answer>) {
        let answers = answers.into_iter().map(Arc::new).collect();
        let runs = Vec::new();
        self.lock().insert(id, Script { answers, runs });
    }

    /// Returns the runs so far, or `None` if there is no such script.
    pub(crate) fn runs(&self, id: &str) -> Option<Vec<Run>> {
        self.lock().get(id).map(|script| script.runs.clone())
    }

    /// Begins a run: returns its number and its answer. The last answer repeats.
    pub(crate) fn begin(&self, id: &str, request: &HttpRequest) -> Option<(usize, Arc<Answer>)> {
        let mut scripts = self.lock();
        let script = scripts.get_mut(id)?;
        script.runs.push(Run::of(request));
        let number = script.runs.len();
        let answer = script
            .answers
            .get(number - 1)
            .or_else(|| script.answers.last())?;
        Some((number, Arc::clone(answer)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Script>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    fn of(request: &HttpRequest) -> Self {
        let field = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = value.as_bytes().iter().copied().map(char::from);
            (name.to_string(), value.collect())
        };
        Self {
            method: request.method().to_string(),
            target: request.uri().to_string(),
            headers: request.headers().iter().map(field).collect(),
        }
    }
}
