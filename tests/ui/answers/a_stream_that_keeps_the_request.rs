use actix_web::{HttpRequest, HttpResponse, Responder, body::{BodyStream, BoxBody}, web::Bytes};
use cached_response::cached_response;
use futures_util::Stream;
use std::{convert::Infallible, pin::Pin, task::{Context, Poll}};

struct Lines;

impl Responder for Lines {
    type Body = BoxBody;
    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().body(BodyStream::new(Kept(Some(request.clone()))))
    }
}

/// A body that reads the request while it is sent.
struct Kept(Option<HttpRequest>);

impl Stream for Kept {
    type Item = Result<Bytes, Infallible>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(|request| Ok(request.uri().to_string().into())))
    }
}

#[cached_response(timeout = 60)]
async fn lines() -> Lines {
    Lines
}

fn main() {}
