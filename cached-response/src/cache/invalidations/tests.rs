//! What is told of a write that the others cannot be told of.

use super::*;
use crate::{
    store::error::StoreErrorKind, testing::in_process_store::InProcessStore,
    tests::warnings::Warnings,
};
use actix_web::test::TestRequest;

#[actix_web::test]
async fn a_write_that_the_store_does_not_hear_of_is_a_warning_for_each_name() {
    let warnings = Warnings::of("::invalidations");
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let store = InProcessStore::new();
    store.fail_only("delete_many", StoreErrorKind::Refused);
    let cache = ResponseCache::builder().remote(store).build();
    let invalidates = Invalidations::new().path("/a").tags(["b"]).cache(cache);
    let request = TestRequest::put().to_http_request();
    let write = Write::begin(
        InvalidationGuard::new("rename", false),
        invalidates,
        &request,
    );
    write.answered(StatusCode::OK).await;

    let told = warnings.lines();
    assert_eq!(told.len(), 2, "{told:?}");
    for warning in told {
        assert!(warning.contains("handler: \"rename\""), "{warning}");
        assert!(warning.contains("the remote store refuses"), "{warning}");
        assert!(warning.contains("not invalidated everywhere"), "{warning}");
    }
}
