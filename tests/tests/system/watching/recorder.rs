//! A subscriber that records what this crate traces, on this thread.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Fields of an event or a span; that of an event has its level as `level`, that of a span its name as `span`.
pub(crate) type Fields = BTreeMap<String, String>;

/// Records the events and spans of the target `cached_response`.
#[derive(Clone)]
pub(crate) struct Recorder {
    level: Level,
    next: Arc<AtomicU64>,
    recorded: Arc<Mutex<Vec<Fields>>>,
}

struct Reader(Fields);

impl Visit for Reader {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.to_string(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.to_string(), value.to_owned());
    }
}

impl Recorder {
    pub(crate) fn up_to(level: Level) -> Self {
        Self {
            level,
            next: Arc::new(AtomicU64::new(1)),
            recorded: Arc::default(),
        }
    }

    pub(crate) fn spans(&self) -> Vec<Fields> {
        let recorded = self.recorded.lock().unwrap();
        let spans = recorded.iter().filter(|fields| fields.contains_key("span"));
        spans.cloned().collect()
    }

    /// The events of a level.
    pub(crate) fn events(&self, level: Level) -> Vec<Fields> {
        let recorded = self.recorded.lock().unwrap();
        let level = level.to_string();
        let events = recorded
            .iter()
            .filter(|fields| fields.get("level") == Some(&level));
        events.cloned().collect()
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && metadata.target() == "cached_response"
    }

    fn event(&self, event: &Event<'_>) {
        let mut reader = Reader(Fields::new());
        event.record(&mut reader);
        let level = event.metadata().level().to_string();
        reader.0.insert("level".to_owned(), level);
        self.recorded.lock().unwrap().push(reader.0);
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut reader = Reader(Fields::new());
        attributes.record(&mut reader);
        let name = attributes.metadata().name().to_owned();
        reader.0.insert("span".to_owned(), name);
        self.recorded.lock().unwrap().push(reader.0);
        Id::from_u64(self.next.fetch_add(1, Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
