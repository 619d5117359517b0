//! Expiry by request: what is stored may have changed, and need not have.

use crate::{
    cache::{ResponseCache, invalidate::Invalidation},
    invalidation::{generation::Bump, scope::Scope},
};

impl ResponseCache {
    /// Makes a path stale: of every handler, with every query, in every variant. The paths are those
    /// of [`invalidate_path`](Self::invalidate_path).
    ///
    /// For requests that arrive afterwards, a response whose run began before is as one whose
    /// lifetime is over: it answers only where stale ones may, and never a client that puts up with
    /// them by its own `max-stale`; the next run may find it unchanged
    /// ([`stale_response`](crate::context::stale_response)). A run that is under way answers those who asked for it
    /// before, and what it stores is stale from the start.
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, get, http::header::ETAG, test};
    /// use cached_response::{InvalidationError, ResponseCache, cached_response, context::stale_response};
    ///
    /// #[get("/news")]
    /// #[cached_response(timeout = 3600)]
    /// async fn news() -> HttpResponse {
    ///     match stale_response() {
    ///         Some(previous) => previous.not_modified(),
    ///         None => HttpResponse::Ok().insert_header((ETAG, "\"1\"")).body("no news"),
    ///     }
    /// }
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), InvalidationError> {
    /// let cache = ResponseCache::builder().build();
    /// let app = test::init_service(App::new().app_data(cache.clone()).service(news)).await;
    /// for _ in 0..2 {
    ///     let request = test::TestRequest::with_uri("/news").to_request();
    ///     assert_eq!(test::call_and_read_body(&app, request).await, "no news");
    ///     cache.expire_path("/news").await?;
    /// }
    /// assert_eq!(cache.stats().validated, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_path(&self, path: &str) -> Invalidation {
        self.shared()
            .raise(Bump::Expire, vec![Scope::Path(path.to_owned())])
    }

    /// Makes one URL stale, as [`expire_path`](Self::expire_path) does a path. The URLs are those of
    /// [`invalidate_url`](Self::invalidate_url).
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_url("/products/42?page=2").await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_url(&self, url: &str) -> Invalidation {
        self.shared()
            .raise(Bump::Expire, vec![Scope::Url(url.to_owned())])
    }

    /// Makes everything stale, as [`expire_path`](Self::expire_path) does a path.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_all().await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_all(&self) -> Invalidation {
        self.shared().raise(Bump::Expire, vec![Scope::All])
    }
}
