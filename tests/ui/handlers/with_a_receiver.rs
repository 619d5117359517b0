use actix_web::Responder;
use cached_response::cached_response;

struct Site;

impl Site {
    #[cached_response]
    async fn page(&self) -> impl Responder {
        "page"
    }
}

fn main() {}
