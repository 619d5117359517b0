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

#[cached_response(timeout = 5m)]
async fn account(user: User) -> impl Responder {
    user.id.to_string()
}

fn main() {}
