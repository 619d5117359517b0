use actix_web::{App, Responder, web};
use cached_response::cached_response;

struct Site;

impl Site {
    #[cached_response]
    async fn page(&self) -> impl Responder {
        "page"
    }
}

fn main() {
    let _ = App::new().route("/", web::get().to(Site::page));
}
