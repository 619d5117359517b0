//! Responders that read the request, and those that do not.

mod files;
mod known;
mod nested;
mod ways_out;

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, cookie::Cookie};

use crate::ask::run;

/// A page for the owner of a session, which it reads from the request.
#[derive(Clone, Copy, Default)]
struct Page;

/// The text of a [`Page`], after the number of its run.
fn page_of(session: Option<&str>, host: &str) -> String {
    format!("{} at {host}", session.unwrap_or("nobody"))
}

impl Responder for Page {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let session = request.cookie("session");
        let host = request.connection_info().host().to_owned();
        let page = page_of(session.as_ref().map(Cookie::value), &host);
        HttpResponse::Ok().body(format!("{} {page}", run()))
    }
}
