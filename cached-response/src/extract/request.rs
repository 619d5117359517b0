//! `TrackedRequest`: an extractor that records what the handler reads.

use crate::{
    context::{CacheHandle, control::RunContext},
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

/// The request, as far as a handler that is cached may see it: whatever is read through it selects
/// the response, with nothing to declare and nothing to forget.
///
/// Responses are kept apart by what was read, present or absent, and the response's `Vary` names
/// the headers. What is read after the response is complete comes too late. At most 64 variants of
/// a response are kept.
///
/// ```
/// use actix_web::{Responder, get};
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
/// # let _ = greeting;
/// ```
#[derive(Clone)]
pub struct TrackedRequest {
    host: OnceCell<Option<Box<str>>>,
    inner: HttpRequest,
    control: Arc<RunContext>,
}

impl TrackedRequest {
    /// The value of a header, or `None` where it is absent, repeated or not visible ASCII; the
    /// response depends on all its lines in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.header_lines(name);
        let value = lines.next()?.to_str().ok()?;
        lines.next().is_none().then_some(value)
    }

    /// All lines of a header. A name that is no header's has none.
    pub fn header_lines(&self, name: &str) -> impl Iterator<Item = &HeaderValue> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        if let Some(name) = &name {
            self.control.read(Selector::Lines(name.clone()));
        }
        name.into_iter()
            .flat_map(|name| self.inner.headers().get_all(name))
    }

    /// A cookie by its name: the response depends on this one and on no other.
    pub fn cookie(&self, name: &str) -> Option<Cookie<'static>> {
        self.control.read(Selector::Cookie(name.into()));
        self.inner.cookie(name)
    }

    /// The host that the request was sent to: the authority of its target, and else the `Host`
    /// header. In lower case and without the default port of its scheme, since that is one site:
    /// `A.Example:80` is `a.example`. Forwarding headers are not trusted. `None` where there is
    /// none, or it is not visible ASCII.
    pub fn host(&self) -> Option<&str> {
        self.control.read(Selector::Host);
        let host = || {
            let named =
                host::named(&self.inner).filter(|host| host.iter().all(u8::is_ascii_graphic))?;
            let normal = host::normalize(named, host::is_secure(&self.inner));
            String::from_utf8(normal.into_owned()).ok().map(Into::into)
        };
        self.host.get_or_init(host).as_deref()
    }

    /// The address of the peer, without its port.
    pub fn peer_ip(&self) -> Option<IpAddr> {
        self.control.read(Selector::PeerIp);
        self.inner.peer_addr().map(|peer| peer.ip())
    }

    /// A value that a middleware put into the request's extensions.
    pub fn extension<T: KeyPart + Clone + 'static>(&self) -> Option<T> {
        let extension = Extension {
            type_id: TypeId::of::<T>(),
            value: written::<T>,
        };
        self.control.read(Selector::Extension(extension));
        self.control.saw(extension, written::<T>(&self.inner));
        self.inner.extensions().get::<T>().cloned()
    }
}

/// Shows nothing: whatever is printed could end up in a response.
impl fmt::Debug for TrackedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").finish_non_exhaustive()
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
            control: RunContext::of(request),
        }))
    }
}
