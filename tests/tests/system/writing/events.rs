//! The log of an error that only a request reveals.

use super::{stage, tags::routes};
use crate::messages::Messages;
use actix_web::{rt::System, test::TestRequest};
use tests::alone::alone;
use tracing::Level;

/// In a process of its own: the enabled levels are cached for all threads.
#[test]
fn a_missing_parameter_of_the_route_is_logged_on_each_request() {
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
