use actix_web::Responder;
use cached_response::cached_response;

struct Session;

impl actix_web::FromRequest for Session {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;
    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

#[cached_response]
async fn account(session: Session) -> impl Responder {
    let _ = session; "mine"
}

fn main() {}
