//! The log lines of this crate, for tests in a process of their own.

use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps the lines of one level, with their fields.
#[derive(Clone)]
pub(crate) struct Messages {
    level: Level,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Messages {
    /// Listens for all threads, and for as long as the process lives.
    pub(crate) fn of(level: Level) -> Self {
        let messages = Self {
            level,
            lines: Arc::default(),
        };
        tracing::subscriber::set_global_default(messages.clone()).unwrap();
        messages
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

#[derive(Default)]
struct Fields(Vec<String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push(format!("{field}: {value:?}"));
    }
}

impl Subscriber for Messages {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == self.level && metadata.target().starts_with("cached_response")
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.lines.lock().unwrap().push(fields.0.join("; "));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
