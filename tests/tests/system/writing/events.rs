//! The log of an error that only a request reveals.

use std::time::Instant;

use super::{stage, tags::routes};
use crate::messages::Messages;
use actix_web::{rt::System, test::TestRequest};
use tests::alone::alone;
use tracing::Level;

/// In a process of its own: the enabled levels are cached for all threads.
#[test]
fn a_missing_parameter_of_the_route_is_logged_once_a_second() {
    alone(|| {
        let (errors, start) = (Messages::of(Level::ERROR), Instant::now());
        System::new().block_on(async {
            let app = stage().app(routes).await;
            for _ in 0..20 {
                app.ask(TestRequest::post().uri("/missing")).answer().await;
            }
        });
        let errors = errors.lines();
        let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
        assert!((1..=seconds + 1).contains(&errors.len()), "{errors:?}");
        for error in &errors {
            assert!(error.contains("writing::tags::missing"), "{error}");
            assert!(error.contains("no path parameter `name`"), "{error}");
        }
    });
}
