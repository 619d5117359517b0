use actix_web::{
    HttpMessage, Responder,
    error::ParseError,
    http::header::{Header, HeaderName, HeaderValue, InvalidHeaderValue, TryIntoHeaderValue},
    web,
};
use cached_response::cached_response;

struct Greeting(String);

impl Header for Greeting {
    fn name() -> HeaderName {
        HeaderName::from_static("x-greeting")
    }

    fn parse<M: HttpMessage>(message: &M) -> Result<Self, ParseError> {
        let cookie = message.headers().get("cookie");
        let cookie = cookie.and_then(|cookie| cookie.to_str().ok());
        cookie
            .map(|user| Self(user.to_owned()))
            .ok_or(ParseError::Header)
    }
}

impl TryIntoHeaderValue for Greeting {
    type Error = InvalidHeaderValue;

    fn try_into_value(self) -> Result<HeaderValue, Self::Error> {
        HeaderValue::from_str(&self.0)
    }
}

type Greeted = Option<web::Header<Greeting>>;

#[cached_response]
async fn greet(greeting: Greeted) -> impl Responder {
    greeting.map(|greeting| greeting.0.0.clone())
}

fn main() {}
