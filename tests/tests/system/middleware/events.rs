//! Traces and logs of a bypass.

use std::fmt;
use std::sync::{Arc, Mutex};

use actix_web::test::init_service;
use actix_web::{App, web};
use cached_response::testing::isolated;
use tests::alone::alone;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::{minute, page};
use crate::ask::get_with;

/// Keeps the reasons of events, with their levels.
#[derive(Clone, Default)]
struct Reasons(Arc<Mutex<Vec<(Level, String)>>>);

struct Reason(Option<String>);

impl Visit for Reason {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "reason" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl Subscriber for Reasons {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cached_response")
    }

    fn event(&self, event: &Event<'_>) {
        let mut reason = Reason(None);
        event.record(&mut reason);
        if let Some(reason) = reason.0 {
            let mut told = self.0.lock().unwrap();
            told.push((*event.metadata().level(), reason));
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// In a process of its own: the enabled levels are cached for all threads.
#[test]
fn a_bypass_has_its_reason_in_every_event_and_in_one_log_line() {
    alone(|| {
        let _cache = isolated();
        let reasons = Reasons::default();
        let _listening = tracing::subscriber::set_default(reasons.clone());
        actix_web::rt::System::new().block_on(async {
            let app = App::new().wrap(minute()).default_service(web::to(page));
            let app = init_service(app).await;
            for _ in 0..2 {
                get_with(&app, "/", ("x-api-key", "secret")).await;
            }
        });
        let word = "header:x-api-key".to_owned();
        assert_eq!(
            *reasons.0.lock().unwrap(),
            [
                (Level::DEBUG, word.clone()),
                (Level::INFO, word.clone()),
                (Level::DEBUG, word),
            ]
        );
    });
}
