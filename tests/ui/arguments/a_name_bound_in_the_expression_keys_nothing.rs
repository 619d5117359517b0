use actix_web::{FromRequest, HttpRequest, dev::Payload};
use cached_response::cached_response;

struct User(u32);

impl FromRequest for User {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;
    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(1)))
    }
}

#[cached_response(timeout = 60, key(if let Some(user) = Some(7) && user > 3 { user } else { 0 }))]
async fn a_chain(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key(matches!(Some(7), Some(user) if user > 3)))]
async fn a_pattern_in_a_macro(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key(format!("{user}", user = 7)))]
async fn an_argument_of_a_format(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key({ let user: u32 = 7; user }))]
async fn a_variable_with_a_type(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key({ fn f(user: u32) -> u32 { user } f(7) }))]
async fn a_parameter_of_a_function(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key((&mut |user: u32| user)(7)))]
async fn a_closure_by_reference(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key((|_: u32| |user: u32| user)(1)(7)))]
async fn a_closure_of_a_closure(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key(match 7 { | user => user }))]
async fn an_arm_after_a_bar(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key(match 7 { #[allow(unused)] user => user }))]
async fn an_arm_after_an_attribute(user: User) -> String {
    user.0.to_string()
}

#[cached_response(timeout = 60, key({ #[cfg(any())] let _ = user.0; 7 }))]
async fn a_statement_that_is_compiled_out(user: User) -> String {
    user.0.to_string()
}

fn main() {}
