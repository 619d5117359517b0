use actix_web::{App, web};
use cached_response::{Keyed, Lazy, Policy, cached};

fn main() {
    let page = cached(
        Policy::new(60),
        |user: Lazy<Keyed<web::Json<u32>>>| async move { user.extract().await.map(|user| user.0.to_string()) },
    );
    let _ = App::new().route("/", web::get().to(page));
}
