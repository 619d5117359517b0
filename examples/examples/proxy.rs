//! A caching reverse proxy: it forwards requests on `PORT` to `ORIGIN`, and reuses responses for the
//! lifetime in their headers (RFC 9111). Bodies are streamed in both directions.
//!
//! `ORIGIN=http://127.0.0.1:8000 cargo run --example proxy`

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::{env, error, io, iter, pin::pin, time::Duration};

use actix_web::body::{BodyStream, None as NoBody, SizedStream};
use actix_web::error::{ErrorBadGateway, ErrorBadRequest, ErrorGatewayTimeout};
use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, Error, FromRequest, HttpRequest, HttpResponse, HttpServer, dev, rt};
use cached_response::{
    cached_response, context::StaleResponse, context::stale_response, disable_cache,
};
use futures_util::future::{Either, select};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::{BodyDataStream, BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Body as _, Frame, Incoming};
use hyper::http::uri::{Authority, Scheme};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::mpsc;

/// Limit for making a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Limit from the end of a request to the head of its response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

const HOP_BY_HOP: &str = "connection keep-alive proxy-authenticate proxy-authentication-info \
    proxy-authorization proxy-connection te trailer transfer-encoding upgrade";

/// Conditions about a response of which the client has the whole or a part.
const CONDITIONS: [&str; 6] = [
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// The field that this hop adds to every message (RFC 9110 §7.6.3).
const VIA: (&str, &str) = ("via", "1.1 cached-response");

type Field<'a> = (&'a str, &'a [u8]);
type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The origin server, and the connections to it.
struct Origin {
    authority: Authority,
    client: legacy::Client<HttpConnector, Body>,
}

impl Origin {
    fn new(authority: Authority) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Many servers close a connection after five idle seconds.
            .pool_idle_timeout(Duration::from_secs(4))
            .build(connector);
        Self { authority, client }
    }
}

#[cached_response(
    timeout = response,
    heuristic_fraction = 0.1,
    targeted = "CDN-Cache-Control",
    respect_client = true,
    stale_if_error = 1h,
    nocache = off,
    vary(none),
    lazy(upload),
    unkeyed(upload)
)]
async fn forward(
    request: HttpRequest,
    upload: Upload,
    origin: Data<Origin>,
) -> Result<HttpResponse, Error> {
    let hops = hops_left(&request);
    match *request.method() {
        // Tunnels are not supported. At `Max-Forwards: 0` this proxy is the final recipient.
        Method::CONNECT => return Ok(HttpResponse::NotImplemented().finish()),
        Method::TRACE if hops == Some(0) => return Ok(HttpResponse::NotImplemented().finish()),
        Method::OPTIONS if hops == Some(0) => return Ok(HttpResponse::NoContent().finish()),
        _ => {}
    }
    let previous = stale_response();
    let forwarded = outgoing(
        &request,
        hops,
        &origin.authority,
        upload.body,
        previous.as_ref(),
    );
    let forwarded = forwarded.map_err(ErrorBadRequest)?;
    let response = pin!(origin.client.request(forwarded));
    let timeout = pin!(async {
        // An error of the upload shows in the answer.
        let _ = upload.sent.await;
        rt::time::sleep(RESPONSE_TIMEOUT).await;
    });
    match select(response, timeout).await {
        Either::Left((Ok(response), _)) => incoming(request.method(), response, previous),
        Either::Left((Err(failure), _)) => Err(gateway_error(&failure)),
        Either::Right(_) => Err(ErrorGatewayTimeout("the origin timed out")),
    }
}

/// Returns `Max-Forwards` of a TRACE or OPTIONS (RFC 9110 §7.6.2).
fn hops_left(request: &HttpRequest) -> Option<u32> {
    let counted = matches!(*request.method(), Method::TRACE | Method::OPTIONS);
    let left = request.headers().get(header::MAX_FORWARDS);
    left.filter(|_| counted)?.to_str().ok()?.parse().ok()
}

/// Builds the request for the origin, with the target and the fields of the client. `Host` is kept, so
/// that links which the origin builds from it lead to the proxy.
fn outgoing(
    request: &HttpRequest,
    hops: Option<u32>,
    origin: &Authority,
    body: Body,
    previous: Option<&StaleResponse>,
) -> Result<hyper::Request<Body>, hyper::http::Error> {
    let target = request.uri().path_and_query();
    let target = hyper::Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(origin.clone())
        .path_and_query(target.map_or("/", |target| target.as_str()));
    let method = request.method().as_str();
    let mut forwarded = hyper::Request::builder()
        .method(method)
        .uri(target.build()?);
    // An authority in the target overrides `Host` (RFC 9112 §3.2.2).
    let authority = request.uri().authority().map(|it| it.as_str().as_bytes());
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let (fields, hidden) = end_to_end(fields);
    if hidden {
        // The cache saw these fields. It would reuse the response for requests that do send them.
        disable_cache();
    }
    let replaced = |name| previous.is_some() && CONDITIONS.contains(&name);
    for (name, value) in fields.into_iter().filter(|(name, _)| !replaced(name)) {
        forwarded = match (name, hops) {
            ("host", _) => forwarded.header(name, authority.unwrap_or(value)),
            ("max-forwards", Some(hops)) => forwarded.header(name, hops.saturating_sub(1)),
            _ => forwarded.header(name, value),
        };
    }
    // The cache evaluates the conditions of the client against the whole response.
    if let Some(etag) = previous.and_then(StaleResponse::etag) {
        forwarded = forwarded.header("if-none-match", etag.as_bytes());
    }
    if let Some(since) = previous.and_then(StaleResponse::last_modified) {
        forwarded = forwarded.header("if-modified-since", since.as_bytes());
    }
    let has_length = |fields: &hyper::HeaderMap| fields.contains_key("content-length");
    if !body.is_end_stream() && !forwarded.headers_ref().is_some_and(has_length) {
        forwarded = forwarded.header("transfer-encoding", "chunked");
    }
    forwarded.header(VIA.0, VIA.1).body(body)
}

/// Builds the response for the client. Its body is unchanged, and breaks off where the origin's does.
fn incoming(
    method: &Method,
    response: hyper::Response<Incoming>,
    previous: Option<StaleResponse>,
) -> Result<HttpResponse, Error> {
    let (head, body) = response.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).map_err(ErrorBadGateway)?;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(ErrorBadGateway(
            "the origin switched protocols without an upgrade",
        ));
    }
    let fields = head.headers.iter();
    let (fields, _) = end_to_end(fields.map(|(name, value)| (name.as_str(), value.as_bytes())));
    let mut response = HttpResponse::build(status);
    for field in fields {
        response.append_header(field);
    }
    response.append_header(VIA);
    if status == StatusCode::NOT_MODIFIED
        && let Some(previous) = previous
    {
        let mut unchanged = previous.not_modified();
        *unchanged.headers_mut() = response.finish().headers().clone();
        return Ok(unchanged);
    }
    let length = match *method {
        Method::HEAD => head
            .headers
            .get("content-length")
            .and_then(|length| length.to_str().ok()?.parse().ok()),
        _ => body.size_hint().exact(),
    };
    // Trailers are dropped (RFC 9110 §6.5.1).
    let body = BodyDataStream::new(body);
    Ok(match (status, length) {
        (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, _) => response.body(NoBody::new()),
        (_, Some(length)) => response.body(SizedStream::new(length, body)),
        _ => response.body(BodyStream::new(body)),
    })
}

fn gateway_error(failure: &legacy::Error) -> Error {
    let first = error::Error::source(failure);
    let mut causes = iter::successors(first, |cause| error::Error::source(*cause));
    let timed_out = |cause: &io::Error| cause.kind() == io::ErrorKind::TimedOut;
    if causes.any(|cause| cause.downcast_ref().is_some_and(timed_out)) {
        ErrorGatewayTimeout("the origin timed out")
    } else {
        ErrorBadGateway("the origin did not answer")
    }
}

/// Returns the end-to-end fields (RFC 9110 §7.6.1) in their order, and true if `Connection` named and
/// removed any.
fn end_to_end<'a>(fields: impl Iterator<Item = Field<'a>>) -> (Vec<Field<'a>>, bool) {
    let mut fields: Vec<_> = fields.collect();
    let connection = fields.iter().filter(|(name, _)| *name == "connection");
    let listed = connection.flat_map(|(_, options)| options.split(|octet| *octet == b','));
    let listed: Vec<_> = listed.map(<[u8]>::trim_ascii).collect();
    fields.retain(|(name, _)| HOP_BY_HOP.split(' ').all(|hop| hop != *name));
    let before = fields.len();
    fields.retain(|(name, _)| {
        let is_named = |option: &&[u8]| option.eq_ignore_ascii_case(name.as_bytes());
        !listed.iter().any(is_named)
    });
    let hidden = fields.len() < before;
    (fields, hidden)
}

/// The body of a request in transit. actix's payload is not `Send`, and hyper needs a body that is: a
/// task copies the chunks.
struct Upload {
    body: Body,
    /// Ends when the last chunk is handed to hyper.
    sent: rt::task::JoinHandle<()>,
}

impl FromRequest for Upload {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(_: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut payload = payload.take();
        let body = if let dev::Payload::None = payload {
            Body::default()
        } else {
            let chunks = stream::poll_fn(move |context| receiver.poll_recv(context));
            StreamBody::new(chunks.map_ok(Frame::data)).boxed_unsync()
        };
        let sent = rt::spawn(async move {
            while let Some(chunk) = payload.next().await {
                if sender.send(chunk.map_err(io::Error::other)).await.is_err() {
                    return;
                }
            }
        });
        ready(Ok(Self { body, sent }))
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let origin = env::var("ORIGIN").map_err(io::Error::other)?;
    let authority = origin.trim_start_matches("http://").trim_end_matches('/');
    let authority: Authority = authority.parse().map_err(io::Error::other)?;
    // Built once, outside the closure: each worker clones it.
    let origin = Data::new(Origin::new(authority));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(origin.clone())
            .default_service(web::to(forward))
    });
    let server = server.bind(format!("127.0.0.1:{port}"))?;
    println!("listening on {}", server.addrs()[0]);
    server.run().await
}
