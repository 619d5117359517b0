//! What is told of a mistake that only a request shows.

use super::{stage, tags::routes};
use crate::messages::Messages;
use actix_web::{rt::System, test::TestRequest};
use tests::alone::alone;
use tracing::Level;

/// In a process of its own: what is enabled is remembered for all threads at once.
#[test]
fn a_parameter_that_the_route_lacks_is_an_error_on_each_request() {
    alone(|| {
        let errors = Messages::of(Level::ERROR);
        System::new().block_on(async {
            let app = stage().app(routes).await;
            for _ in 0..2 {
                app.ask(TestRequest::post().uri("/missing")).answer().await;
            }
        });
        let errors = errors.lines();
        assert_eq!(errors.len(), 2, "{errors:?}");
        for error in &errors {
            assert!(error.contains("writing::tags::missing"), "{error}");
            assert!(error.contains("no path parameter `name`"), "{error}");
        }
    });
}
