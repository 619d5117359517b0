//! Arguments live as long as those of a plain `async fn`, and are dropped in the same order.

use actix_web::{
    App, FromRequest, HttpRequest, Responder, dev::Payload, rt::task::yield_now, test, web,
};
use cached_response::{cached_response, invalidates};
use std::{
    cell::RefCell,
    future::{Ready, ready},
};

thread_local!(static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });

fn log(text: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(text.into()));
}

struct Noisy<const N: u32>;

impl<W, const N: u32> cached_response::KeyCovered<W> for Noisy<N> {}

impl<const N: u32> Drop for Noisy<N> {
    fn drop(&mut self) {
        log(format!("drop {N}"));
    }
}

impl<const N: u32> FromRequest for Noisy<N> {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        log(format!("extract {N}"));
        ready(Ok(Self))
    }
}

macro_rules! handler {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        async fn $name(first: Noisy<1>, _: Noisy<2>, _third: Noisy<3>, fourth: Noisy<4>, fifth: Noisy<5>) -> impl Responder {
            log("body");
            yield_now().await;
            drop(fourth);
            let _local = Noisy::<9>;
            log("end");
            let _keep = (&first, &fifth);
            "x"
        }
    };
}

handler!(plain);
handler!(
    #[cached_response]
    all_eager
);
handler!(
    #[cached_response(lazy)]
    all_lazy
);
handler!(
    #[cached_response(lazy(first, _third, fifth))]
    some_lazy
);
handler!(
    #[cached_response(gate(first, fifth))]
    gated
);
handler!(
    #[invalidates(all)]
    writing
);

async fn events(route: actix_web::Route) -> Vec<String> {
    let app = test::init_service(App::new().route("/", route)).await;
    test::call_service(&app, test::TestRequest::get().to_request()).await;
    LOG.take()
}

fn from_the_body_on(events: &[String]) -> Vec<String> {
    events
        .iter()
        .skip_while(|event| *event != "body")
        .cloned()
        .collect()
}

#[actix_web::test]
async fn arguments_are_dropped_in_the_order_of_a_plain_function() {
    let expected = events(web::get().to(plain)).await;
    assert_eq!(events(web::get().to(all_eager)).await, expected);
    assert_eq!(events(web::get().to(writing)).await, expected);
    for route in [
        web::get().to(all_lazy),
        web::get().to(some_lazy),
        web::get().to(gated),
    ] {
        let events = events(route).await;
        assert_eq!(
            from_the_body_on(&events),
            from_the_body_on(&expected),
            "{events:?}"
        );
    }
}

#[actix_web::test]
async fn a_lazy_argument_is_extracted_only_when_the_handler_runs() {
    let app = test::init_service(App::new().route("/", web::get().to(some_lazy))).await;
    test::call_service(&app, test::TestRequest::get().to_request()).await;
    LOG.take();
    test::call_service(&app, test::TestRequest::get().to_request()).await;
    let mut events = LOG.take();
    events.sort_unstable();
    assert_eq!(events, ["drop 2", "drop 4", "extract 2", "extract 4"]);
}
