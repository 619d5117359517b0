//! What is told of a write that the others cannot be told of.

use super::*;
use crate::{store::error::StoreErrorKind, testing::in_process_store::InProcessStore};
use actix_web::test::TestRequest;
use std::{
    fmt,
    sync::{Arc, Mutex},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Keeps the warnings of this module.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Told(Vec<String>);

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push(format!("{field}: {value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.push(format!("{field}: {value}"));
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().ends_with("::invalidations")
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

#[actix_web::test]
async fn a_write_that_the_store_does_not_hear_of_is_a_warning_for_each_name() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let store = InProcessStore::new();
    store.fail_only("delete_many", StoreErrorKind::Refused);
    let cache = ResponseCache::builder().remote(store).build();
    let invalidates = Invalidates::new().path("/a").tags(["b"]).cache(cache);
    let request = TestRequest::put().to_http_request();
    let write = Write::begin(Writer::new("rename", false), invalidates, &request);
    write.answered(StatusCode::OK).await;

    let told = warnings.0.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    for warning in &*told {
        assert!(warning.contains("handler: \"rename\""), "{warning}");
        assert!(warning.contains("the remote store refuses"), "{warning}");
        assert!(warning.contains("not invalidated everywhere"), "{warning}");
    }
}
