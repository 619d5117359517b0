use actix_web::Responder;
use cached_response::cached_response;

struct Identity;

impl actix_web::FromRequest for Identity {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;
    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

#[cached_response]
async fn account(identity: Option<Identity>) -> impl Responder {
    identity.map(|_| "mine")
}

fn main() {}
