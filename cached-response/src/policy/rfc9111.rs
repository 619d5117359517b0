//! The options under which requests and responses have the say that RFC 9111 gives them.

use crate::{
    http::storable::FromResponse,
    policy::{Policy, ttl::Timeout},
};
use actix_web::http::header::HeaderName;

impl Policy {
    /// Each response says itself how long it stays fresh, as RFC 9111 has it for a shared cache: by
    /// `s-maxage`, else `max-age`, else `Expires`, counted from the age it comes with (`Age`, `Date`
    /// and the time of its run). One that says nothing is not stored.
    ///
    /// Responses of every final status are stored that say so, and `Date` stays what the handler
    /// said. What is stale when it comes is stored only if it has a validator, and never reused as
    /// it is. `set_cache_timeout` in the handler beats what the response says.
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, test, web};
    /// use cached_response::{Policy, cached};
    ///
    /// async fn page() -> HttpResponse {
    ///     let mut page = HttpResponse::NotFound();
    ///     page.insert_header(("cache-control", "max-age=60")).insert_header(("age", "20"));
    ///     page.finish()
    /// }
    /// # #[actix_web::main] async fn main() {
    /// let page = web::get().to(cached(Policy::from_response(), page));
    /// let app = test::init_service(App::new().route("/page", page)).await;
    /// let ask = || test::TestRequest::with_uri("/page").to_request();
    /// let live = test::call_service(&app, ask()).await;
    /// assert_eq!(live.headers().get("cache-status").unwrap(), "cached-response; fwd=uri-miss; stored");
    /// let stored = test::call_service(&app, ask()).await;
    /// let said = stored.headers().get("cache-status").unwrap().to_str().unwrap();
    /// assert!(["ttl=40", "ttl=39"].iter().any(|left| said.ends_with(left)));
    /// # }
    /// ```
    pub fn from_response() -> Self {
        Self {
            statuses: Vec::new(),
            ..Self::timeout(Timeout::Response(FromResponse::default()))
        }
    }

    /// A response that does not say how long it stays fresh does so for this part of the time since
    /// its `Last-Modified`, one day at most (RFC 9111 §4.2.2); 0.1 is usual. Only for the statuses
    /// that the RFC allows it for, or with `public`.
    ///
    /// # Panics
    /// If the fraction is not over 0 and up to 1, or without [`Policy::from_response`].
    ///
    /// ```
    /// # use cached_response::Policy;
    /// let policy = Policy::from_response().heuristic_fraction(0.1);
    /// assert!(std::panic::catch_unwind(|| Policy::from_response().heuristic_fraction(1.1)).is_err());
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn heuristic_fraction(mut self, fraction: f32) -> Self {
        assert!(
            fraction > 0.0 && fraction <= 1.0,
            "`heuristic_fraction` takes a fraction over 0 and up to 1, such as 0.1"
        );
        self.by_response().heuristic_fraction = Some(fraction);
        self
    }

    /// The response's field of this name, such as `CDN-Cache-Control`, is for this cache
    /// (RFC 9213): where it is there and can be read, it rules alone, in place of `Cache-Control` and
    /// `Expires`, also over what those forbid.
    ///
    /// # Panics
    /// If the name is not a header's, or without [`Policy::from_response`].
    ///
    /// ```
    /// # use cached_response::Policy;
    /// let policy = Policy::from_response().targeted("CDN-Cache-Control");
    /// assert!(std::panic::catch_unwind(|| Policy::new(60).targeted("CDN-Cache-Control")).is_err());
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn targeted(mut self, name: &'static str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes())
            .expect("`targeted` takes the name of a header, such as \"CDN-Cache-Control\"");
        self.by_response().targeted = Some(name);
        self
    }

    fn by_response(&mut self) -> &mut FromResponse {
        let by = match &mut self.timeout {
            Timeout::Response(by) => Some(by),
            Timeout::Unsaid | Timeout::Fixed(_) | Timeout::Computed(_) => None,
        };
        by.expect("`heuristic_fraction` and `targeted` need `Policy::from_response`")
    }

    /// Follows the `Cache-Control` of requests (RFC 9111 §5.2.1), and `Pragma: no-cache` where there
    /// is none: `no-cache`, `no-store`, `max-age`, `min-fresh`, `max-stale`, and `only-if-cached`,
    /// which is answered with 504 where nothing stored will do. Otherwise they are ignored.
    ///
    /// It lets every client have handlers run; `no-cache` and `max-age=0` are bounded as
    /// `?nocache=1` is.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, cached};
    ///
    /// # #[actix_web::main] async fn main() {
    /// let page = web::get().to(cached(Policy::new(60).respect_client(), || async { "page" }));
    /// let app = test::init_service(App::new().route("/page", page)).await;
    /// let ask = test::TestRequest::with_uri("/page").insert_header(("cache-control", "only-if-cached"));
    /// let answer = test::call_service(&app, ask.to_request()).await;
    /// assert_eq!(answer.status(), 504);
    /// # }
    /// ```
    #[must_use]
    pub fn respect_client(mut self) -> Self {
        self.respect_client = true;
        self
    }
}
