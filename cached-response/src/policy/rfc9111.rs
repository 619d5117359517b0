//! Options that follow the directives of requests and responses (RFC 9111).

use crate::{
    http::storable::FromResponse,
    policy::{Policy, ttl::Timeout},
};
use actix_web::http::header::HeaderName;
use std::fmt::Debug;

impl Policy {
    /// Each response states its own lifetime, by the rules of RFC 9111 for a shared cache: `s-maxage`,
    /// else `max-age`, else `Expires`, less its age on arrival (`Age`, `Date` and the time of its run).
    /// A response without any is not stored.
    ///
    /// Responses of every final status are stored if they permit it, and `Date` stays that of the
    /// handler. A response that is stale on arrival is stored only if it has a validator, and reused
    /// only after validation. `set_cache_timeout` in the handler replaces the lifetime of the response.
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

    /// The lifetime of a response without an explicit one is this fraction of the time since its
    /// `Last-Modified`, at most one day (RFC 9111 §4.2.2); 0.1 is usual. Only for the statuses that the
    /// RFC permits it for, or with `public`.
    ///
    /// # Panics
    /// When a route is built with it, if the fraction is not over 0 and up to 1, or without
    /// [`Policy::from_response`].
    ///
    /// ```
    /// # use cached_response::{Policy, cached};
    /// let page = cached(Policy::from_response().heuristic_fraction(0.1), || async { "page" });
    /// # let _ = actix_web::web::get().to(page);
    /// let wrong = || cached(Policy::from_response().heuristic_fraction(1.1), || async { "page" });
    /// assert!(std::panic::catch_unwind(wrong).is_err());
    /// ```
    #[must_use]
    pub fn heuristic_fraction(mut self, fraction: f32) -> Self {
        if !(fraction > 0.0 && fraction <= 1.0) {
            self.mistakes.note(format_args!(
                "`heuristic_fraction`: {fraction} is not a fraction over 0 and up to 1, such as 0.1"
            ));
        }
        if let Some(stated) = self.response_stated("heuristic_fraction") {
            stated.heuristic_fraction = Some(fraction);
        }
        self
    }

    /// The response field of this name, such as `CDN-Cache-Control`, is for this cache (RFC 9213): where
    /// it is present and valid, it replaces `Cache-Control` and `Expires`, including their prohibitions.
    ///
    /// # Panics
    /// When a route is built with it, if it is not the name of a header, or without
    /// [`Policy::from_response`].
    ///
    /// ```
    /// # use cached_response::{Policy, cached};
    /// let page = cached(Policy::from_response().targeted("CDN-Cache-Control"), || async { "page" });
    /// # let _ = actix_web::web::get().to(page);
    /// let wrong = || cached(Policy::new(60).targeted("CDN-Cache-Control"), || async { "page" });
    /// assert!(std::panic::catch_unwind(wrong).is_err());
    /// ```
    #[must_use]
    pub fn targeted(mut self, name: impl TryInto<HeaderName> + Debug) -> Self {
        let what = "the name of a header, such as \"CDN-Cache-Control\"";
        let name = self.mistakes.convert("targeted", name, what);
        if let Some(stated) = self.response_stated("targeted") {
            stated.targeted = name;
        }
        self
    }

    fn response_stated(&mut self, option: &str) -> Option<&mut FromResponse> {
        match &mut self.timeout {
            Timeout::Response(stated) => Some(stated),
            Timeout::OfCache | Timeout::Fixed(_) | Timeout::Computed(_) => {
                self.mistakes.note(format_args!(
                    "`{option}`: the route sets the timeout, begin with `Policy::from_response`"
                ));
                None
            }
        }
    }

    /// Follows the `Cache-Control` of requests (RFC 9111 §5.2.1), or else `Pragma: no-cache`: `no-cache`,
    /// `no-store`, `max-age`, `min-fresh`, `max-stale`, and `only-if-cached`, which is answered with 504
    /// without a suitable stored response. By default they are ignored.
    ///
    /// It lets every client cause runs; `no-cache` and `max-age=0` are bounded as
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
