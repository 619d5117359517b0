//! What is told of a mistake that only a request shows.

use super::{stage, tags::routes};
use actix_web::{rt::System, test::TestRequest};
use std::{
    fmt,
    sync::{Arc, Mutex},
};
use tests::alone::alone;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Keeps the messages of errors, with their handlers.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Told(Vec<String>);

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push(format!("{field}: {value:?}"));
    }
}

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut told = Told::default();
        event.record(&mut told);
        self.0.lock().unwrap().push(told.0.join("; "));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// In a process of its own: what is enabled is remembered for all threads at once.
#[test]
fn a_parameter_that_the_route_lacks_is_an_error_on_each_request() {
    alone(|| {
        let errors = Errors::default();
        tracing::subscriber::set_global_default(errors.clone()).unwrap();
        System::new().block_on(async {
            let app = stage().app(routes).await;
            for _ in 0..2 {
                app.ask(TestRequest::post().uri("/missing")).answer().await;
            }
        });
        let errors = errors.0.lock().unwrap();
        assert_eq!(errors.len(), 2, "{errors:?}");
        for error in &*errors {
            assert!(error.contains("writing::tags::missing"), "{error}");
            assert!(error.contains("no path parameter `name`"), "{error}");
        }
    });
}
