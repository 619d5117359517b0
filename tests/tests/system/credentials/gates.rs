//! Users that a gate demands.

use actix_web::test::init_service;
use actix_web::{App, get, web};
use cached_response::{Gate, Policy, cached, cached_response, testing::isolated};

use super::{TOKEN, User};
use crate::ask::{get as ask_for, get_with, run};

#[get("/gated")]
#[cached_response(gate(user))]
async fn gated(user: User) -> String {
    let _ = user;
    run().to_string()
}

#[get("/underscored")]
#[cached_response]
async fn underscored(_user: User) -> String {
    run().to_string()
}

#[actix_web::test]
async fn a_gate_runs_before_every_answer_hits_included() {
    let gated_closure = cached(Policy::new(60), |_: Gate<User>| async { run().to_string() });
    let app = App::new()
        .service(gated)
        .service(underscored)
        .route("/closure", web::get().to(gated_closure));
    let app = init_service(app).await;
    for target in ["/gated", "/underscored", "/closure"] {
        let cache = isolated();
        let first = get_with(&app, target, TOKEN).await;
        let bob = get_with(&app, target, ("cookie", "session=bob")).await;
        assert!(bob.is_hit() && bob.body == first.body, "{target}");
        let nobody = ask_for(&app, target).await;
        assert_eq!((nobody.status, nobody.body.as_str()), (401, "who are you?"));
        assert_eq!(cache.cache().stats().entries, 1, "{target}");
    }
}
