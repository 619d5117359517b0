//! A case as it is written down.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::Deserialize;
use serde_json::Value;

use super::Expect;

/// One case: a sentence, the answers of the handler, and the steps of a client.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The behaviour, as a sentence that no other case has.
    pub title: String,
    /// Other places where the behaviour is promised or tested.
    #[serde(default)]
    pub seen_in: String,
    /// Reason for this behaviour where another would be defensible.
    #[serde(default)]
    pub note: String,
    /// Annotated handler of the app that is requested.
    pub profile: String,
    /// Other profiles that behave alike.
    #[serde(default)]
    pub also: Vec<String>,
    /// Needs an app of its own, because it touches what all cases share.
    #[serde(default)]
    pub alone: bool,
    /// The handler's answers, run by run; the last one repeats. `{now-20}` is the date of 20 seconds ago.
    pub script: Vec<Value>,
    /// Steps, in order.
    pub steps: Vec<Step>,
}

/// One step. Which kind it is, its first word says.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Step {
    /// A request on a connection of its own.
    Send(Box<Exchange>),
    /// Several requests on one connection.
    Keep {
        /// The requests, in order.
        keep: Vec<Exchange>,
    },
    /// Many requests at once.
    Together {
        /// Number.
        together: usize,
        /// The requests, taken in turn.
        requests: Vec<Exchange>,
        /// Number of runs of the handler that they may be answered from.
        answers: Option<Pick<usize>>,
        /// Seconds until the last has its answer.
        within: Option<f64>,
    },
    /// A request in the background, checked when it is joined or at the end.
    Start {
        /// The request.
        start: Box<Exchange>,
    },
    /// Waits for the requests in the background.
    Join {
        /// Says so.
        join: bool,
    },
    /// Waits until the handler has begun that many runs.
    Await {
        /// Number.
        await_runs: usize,
    },
    /// A client that sends a request and leaves once the handler has begun that many runs.
    Abort {
        /// Method and what follows the script's id in the target.
        abort: String,
        /// Number.
        runs: usize,
        /// True for an orderly close instead of a reset.
        #[serde(default)]
        close: bool,
    },
    /// Time that passes.
    Sleep {
        /// Seconds.
        sleep: f64,
    },
    /// Number of runs of the handler so far.
    Runs {
        /// The allowed numbers.
        runs: Pick<usize>,
    },
    /// Request as the handler saw it in one run.
    Saw {
        /// The run and its fields.
        saw: Saw,
    },
    /// Keeps a field of the last answer under a name; `$name` in a later request field stands for it.
    Save {
        /// The name and the field.
        save: (String, String),
    },
    /// The field is what was saved.
    Same {
        /// The name and the field.
        same: (String, String),
    },
    /// The field is not what was saved.
    Differs {
        /// The name and the field.
        differs: (String, String),
    },
    /// Forgets stored responses.
    Invalidate {
        /// The query of `/_invalidate`; `{id}` stands for the script's id, `{p}` for the profile.
        invalidate: String,
    },
}

/// A request, and what must come back.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Method and what follows the script's id in the target: `GET`, `GET ?page=1`, `POST /a`.
    pub send: String,
    /// Scheme and authority of an absolute-form target.
    #[serde(default)]
    pub absolute: String,
    /// Another profile than the case's.
    pub profile: Option<String>,
    /// Fields; several values are several lines.
    #[serde(default)]
    pub headers: BTreeMap<String, Pick<String>>,
    /// A body with its length; Latin-1.
    pub body: Option<String>,
    /// Number of repetitions of the body.
    #[serde(default = "once")]
    pub repeat: usize,
    /// Speaks HTTP/1.0.
    #[serde(default)]
    pub http_1_0: bool,
    /// Expected response.
    #[serde(default)]
    pub expect: Expect,
    /// True if the server may close the connection instead.
    #[serde(default)]
    pub may_drop: bool,
}

fn once() -> usize {
    1
}

/// One request as the handler saw it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saw {
    /// The run, from 1.
    pub run: usize,
    /// Some of its fields; `null` is absent.
    pub headers: BTreeMap<String, Option<String>>,
}

/// One value, or several of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Pick<T> {
    /// Just this.
    One(T),
    /// These.
    Many(Vec<T>),
}

impl<T> Pick<T> {
    /// The values.
    pub fn all(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// Reads all cases of a folder: the name of each file, and what it holds.
pub fn load(folder: &Path) -> io::Result<Vec<(String, Vec<Case>)>> {
    let mut groups = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let cases = serde_json::from_str(&fs::read_to_string(&path)?);
        let cases = cases.map_err(|error| io::Error::other(format!("{name}: {error}")))?;
        groups.push((name.into_owned(), cases));
    }
    groups.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::{Exchange, Step, load};

    #[test]
    fn a_misspelt_word_is_an_error() {
        let step = serde_json::from_str::<Step>;
        assert!(step(r#"{"send": "GET", "expect": {"run": 1}}"#).is_ok());
        for wrong in [
            r#"{"send": "GET", "expects": {"run": 1}}"#,
            r#"{"send": "GET", "expect": {"runs": 1}}"#,
            r#"{"sleeps": 1}"#,
            r#"{"sleep": 1, "runs": 1}"#,
        ] {
            assert!(step(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Exchange>(r#"{"expect": {}}"#).is_err());
    }

    #[test]
    fn no_two_cases_share_a_title() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        let mut titles = HashSet::new();
        for (group, cases) in load(&folder).unwrap() {
            assert!(!cases.is_empty(), "{group}");
            for case in cases {
                assert!(titles.insert(case.title.clone()), "{}", case.title);
            }
        }
    }
}
