//! `TrackedRequest`: an extractor that records the parts of the request that the handler reads.

use crate::{
    context::{CacheHandle, run_context::RunContext},
    extract::covered::KeyCovered,
    http::host,
    key::{
        KeyWriter,
        part::KeyPart,
        vary::{Extension, Selector},
    },
    route::inputs::ArgumentInfo,
};
use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest,
    cookie::Cookie,
    dev::Payload,
    http::header::{HeaderName, HeaderValue},
};
use std::{
    any::TypeId,
    cell::OnceCell,
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    net::IpAddr,
    sync::Arc,
};

/// The request, through methods that record each part that is read: it selects the variant of the
/// response (RFC 9111 §4.1), without a declaration.
///
/// A part that is absent selects a variant, too. The response's `Vary` names the headers that were read.
/// A read after the response is complete has no effect. Up to 64 variants of a response are stored.
///
/// ```
/// use actix_web::{App, Responder, get, test};
/// use cached_response::{TrackedRequest, cached_response};
///
/// #[get("/greeting")]
/// #[cached_response]
/// async fn greeting(request: TrackedRequest) -> impl Responder {
///     match request.header("accept-language") {
///         Some(language) if language.starts_with("de") => "Guten Tag",
///         _ => "Good day",
///     }
/// }
/// # #[actix_web::main] async fn main() {
/// let app = test::init_service(App::new().service(greeting)).await;
/// for (language, expected) in [("de-DE", "Guten Tag"), ("en", "Good day"), ("de", "Guten Tag")] {
///     let request = test::TestRequest::with_uri("/greeting").insert_header(("accept-language", language));
///     let response = test::call_service(&app, request.to_request()).await;
///     assert_eq!(response.headers().get("vary").unwrap(), "accept-language");
///     assert_eq!(test::read_body(response).await, expected);
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct TrackedRequest {
    host: OnceCell<Option<Box<str>>>,
    inner: HttpRequest,
    run_context: Arc<RunContext>,
}

impl TrackedRequest {
    /// Returns the value of a header, or `None` where it is absent, has several lines or is not visible
    /// ASCII. All its lines select the variant in any case.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// use actix_web::{FromRequest, test::TestRequest};
    /// use cached_response::TrackedRequest;
    ///
    /// let request = TestRequest::default().insert_header(("accept-language", "de")).to_http_request();
    /// let request = TrackedRequest::extract(&request).await.unwrap();
    /// assert_eq!(request.header("accept-language"), Some("de"));
    /// assert_eq!(request.header("accept"), None);
    /// # }
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.header_lines(name);
        let value = lines.next()?.to_str().ok()?;
        lines.next().is_none().then_some(value)
    }

    /// Returns all lines of a header; none for a text that is not a header name.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// use actix_web::{FromRequest, test::TestRequest};
    /// use cached_response::TrackedRequest;
    ///
    /// let request = TestRequest::default().append_header(("x-a", "1")).append_header(("x-a", "2"));
    /// let request = request.to_http_request();
    /// let request = TrackedRequest::extract(&request).await.unwrap();
    /// assert_eq!(request.header_lines("x-a").count(), 2);
    /// # }
    /// ```
    pub fn header_lines(&self, name: &str) -> impl Iterator<Item = &HeaderValue> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        if let Some(name) = &name {
            self.run_context.read(Selector::Lines(name.clone()));
        }
        name.into_iter()
            .flat_map(|name| self.inner.headers().get_all(name))
    }

    /// Returns a cookie by its name. Other cookies do not select the variant.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// use actix_web::{FromRequest, cookie::Cookie, test::TestRequest};
    /// use cached_response::TrackedRequest;
    ///
    /// let request = TestRequest::default().cookie(Cookie::new("theme", "dark")).to_http_request();
    /// let request = TrackedRequest::extract(&request).await.unwrap();
    /// assert_eq!(request.cookie("theme").unwrap().value(), "dark");
    /// # }
    /// ```
    pub fn cookie(&self, name: &str) -> Option<Cookie<'static>> {
        self.run_context.read(Selector::Cookie(name.into()));
        self.inner.cookie(name)
    }

    /// Returns the host of the request: the authority of its target, else the `Host` header; in lower case
    /// and without the default port of its scheme (`A.Example:80` is `a.example`). Forwarding headers
    /// are not used. `None` where there is none, or where it is not visible ASCII.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// use actix_web::{FromRequest, test::TestRequest};
    /// use cached_response::TrackedRequest;
    ///
    /// let request = TestRequest::default().insert_header(("host", "A.Example:80")).to_http_request();
    /// let request = TrackedRequest::extract(&request).await.unwrap();
    /// assert_eq!(request.host(), Some("a.example"));
    /// # }
    /// ```
    pub fn host(&self) -> Option<&str> {
        self.run_context.read(Selector::Host);
        let host = || {
            let named =
                host::named(&self.inner).filter(|host| host.iter().all(u8::is_ascii_graphic))?;
            let normal = host::normalize(named, host::is_secure(&self.inner));
            String::from_utf8(normal.into_owned()).ok().map(Into::into)
        };
        self.host.get_or_init(host).as_deref()
    }

    /// Returns the IP address of the peer: of a proxy, where there is one.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// use actix_web::{FromRequest, test::TestRequest};
    /// use cached_response::TrackedRequest;
    ///
    /// let peer = "192.0.2.7:4711".parse::<std::net::SocketAddr>().unwrap();
    /// let request = TestRequest::default().peer_addr(peer).to_http_request();
    /// let request = TrackedRequest::extract(&request).await.unwrap();
    /// assert_eq!(request.peer_ip(), Some(peer.ip()));
    /// # }
    /// ```
    pub fn peer_ip(&self) -> Option<IpAddr> {
        self.run_context.read(Selector::PeerIp);
        self.inner.peer_addr().map(|peer| peer.ip())
    }

    /// Returns a value of the request's extensions, as a middleware has inserted it. The value, not only
    /// its presence, selects the variant.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() {
    /// use actix_web::{FromRequest, HttpMessage, test::TestRequest};
    /// use cached_response::TrackedRequest;
    ///
    /// let request = TestRequest::default().to_http_request();
    /// request.extensions_mut().insert(7_u32);
    /// let request = TrackedRequest::extract(&request).await.unwrap();
    /// assert_eq!(request.extension::<u32>(), Some(7));
    /// assert_eq!(request.extension::<String>(), None);
    /// # }
    /// ```
    pub fn extension<T: KeyPart + Clone + 'static>(&self) -> Option<T> {
        let extension = Extension {
            type_id: TypeId::of::<T>(),
            value: written::<T>,
        };
        self.run_context.read(Selector::Extension(extension));
        self.run_context
            .read_extension(extension, written::<T>(&self.inner));
        self.inner.extensions().get::<T>().cloned()
    }
}

/// Prints no part of the request: the text could become part of a response.
impl fmt::Debug for TrackedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackedRequest").finish_non_exhaustive()
    }
}

impl<W> KeyCovered<W> for TrackedRequest {
    const FACTS: ArgumentInfo = ArgumentInfo::RECORDS;
}

impl<W> KeyCovered<W> for CacheHandle {
    const FACTS: ArgumentInfo = ArgumentInfo::NOTHING;

    fn extract_without(request: &HttpRequest, _: &str) -> Option<Result<Self, Error>> {
        let Ok(handle) = Self::from_request(request, &mut Payload::None).into_inner();
        Some(Ok(handle))
    }
}

fn written<T: KeyPart + 'static>(request: &HttpRequest) -> Option<Vec<u8>> {
    let extensions = request.extensions();
    let mut key = KeyWriter::reuse(Vec::new());
    key.part(extensions.get::<T>()?);
    Some(key.into_buffer())
}

impl FromRequest for TrackedRequest {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            host: OnceCell::new(),
            inner: request.clone(),
            run_context: RunContext::of(request),
        }))
    }
}
