use actix_web::Responder;
use cached_response::cached_response;

struct BasicAuth;

impl actix_web::FromRequest for BasicAuth {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;
    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

#[cached_response]
async fn account(credentials: Result<BasicAuth, actix_web::Error>) -> impl Responder {
    credentials.map(|_| "mine")
}

fn main() {}
