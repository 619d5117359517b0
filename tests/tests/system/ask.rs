//! Requests to an app in this process, and their answers.

use std::cell::Cell;

use actix_http::Request;
use actix_web::body::{self, MessageBody};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service};
use actix_web::{Error, http::Method};
use serde_json::Value;
use tests::raw::{Head, Response};
use tests::status_field::{self, Member};

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// A field as one value: its lines joined by `, `.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.head().header(name)
    }

    /// Our member of `Cache-Status`; the field must be well-formed and end with it.
    pub(crate) fn said(&self) -> Member {
        said(&self.head())
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.said().parameter("hit") == Value::Bool(true)
    }

    /// The reason that `Cache-Status` gives.
    pub(crate) fn detail(&self) -> Option<String> {
        self.said()
            .parameter("detail")
            .as_str()
            .map(ToOwned::to_owned)
    }

    pub(crate) fn head(&self) -> Head {
        let fields = self.headers.iter();
        Head {
            status: self.status,
            fields: fields
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect(),
        }
    }
}

/// Our member of a response's `Cache-Status`, which must be well-formed and end with it.
pub(crate) fn said(head: &Head) -> Member {
    let members = status_field::members(head).expect("Cache-Status is a structured field");
    let last = members.last().expect("Cache-Status is there").clone();
    assert_eq!(last.cache, "cached-response");
    last
}

/// Returns true if a response read from a socket is a hit.
pub(crate) fn is_hit(response: &Response) -> bool {
    said(&response.head).parameter("hit") == Value::Bool(true)
}

/// Sends a request and reads the whole answer.
pub(crate) async fn ask<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    request: TestRequest,
) -> Answer {
    let response = call_service(app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = body::to_bytes(response.into_body()).await;
    let body = body.map_err(|_| "it broke off").expect("the body is whole");
    Answer {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// Sends a GET.
pub(crate) async fn get<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    uri: &str,
) -> Answer {
    ask(app, TestRequest::with_uri(uri)).await
}

/// Sends a GET with one header.
pub(crate) async fn get_with<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    uri: &str,
    (name, value): (&str, &str),
) -> Answer {
    ask(app, TestRequest::with_uri(uri).append_header((name, value))).await
}

/// Sends a POST with a body and a content type.
pub(crate) async fn post<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    uri: &str,
    (media, body): (&'static str, &'static [u8]),
) -> Answer {
    let request = TestRequest::with_uri(uri).method(Method::POST);
    let request = request.append_header(("content-type", media));
    ask(app, request.set_payload(body)).await
}

/// The number of this run of a handler; each test has a thread, or a worker, of its own.
pub(crate) fn run() -> u32 {
    thread_local!(static RUNS: Cell<u32> = const { Cell::new(0) });
    RUNS.set(RUNS.get() + 1);
    RUNS.get()
}
