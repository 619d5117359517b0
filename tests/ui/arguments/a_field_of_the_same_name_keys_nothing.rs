use actix_web::Responder;
use cached_response::cached_response;

struct User {
    id: u32,
}

impl actix_web::FromRequest for User {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;
    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self { id: 1 }))
    }
}

struct Page {
    user: u32,
}

impl<W> cached_response::KeyCovered<W> for Page {}

impl actix_web::FromRequest for Page {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;
    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self { user: 1 }))
    }
}

#[cached_response(key(page.user))]
async fn account(page: Page, user: User) -> impl Responder {
    format!("{} {}", page.user, user.id)
}

fn main() {}
