//! Invalidation and expiry of whatever has a tag.

use crate::{
    cache::{ResponseCache, invalidate::Invalidation},
    invalidation::{generation::Bump, scope::Scope},
};

impl ResponseCache {
    /// Invalidates what has this tag, from the route's `tags(..)` or from [`tag`](crate::tag) in the
    /// handler: of every handler, in every variant.
    ///
    /// No request that arrives afterwards is answered by a response whose run began before. A run
    /// that is under way answers those who asked for it before, and is not stored, whether it has
    /// named the tag already or is only about to. What it costs does not depend on how many
    /// responses have the tag.
    ///
    /// Tags are compared byte for byte.
    ///
    /// # Errors
    /// [`InvalidateError::Nameless`](crate::InvalidateError::Nameless) when awaited, if it is empty or
    /// longer than 256 bytes: no response has such a tag.
    ///
    /// ```
    /// use actix_web::{App, Responder, get, test, web};
    /// use cached_response::{InvalidationError, ResponseCache, cached_response};
    ///
    /// #[get("/products/{id}")]
    /// #[cached_response(timeout = 3600, tags("products", "product:{id}"))]
    /// async fn product(id: web::Path<u32>) -> impl Responder {
    ///     format!("product {id}")
    /// }
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), InvalidationError> {
    /// let cache = ResponseCache::builder().build();
    /// let app = test::init_service(App::new().app_data(cache.clone()).service(product)).await;
    /// let ask = |uri| test::TestRequest::with_uri(uri).to_request();
    /// for uri in ["/products/7", "/products/8"] {
    ///     test::call_service(&app, ask(uri)).await;
    /// }
    ///
    /// cache.invalidate_tag("product:7").await?;
    ///
    /// for (uri, hit) in [("/products/7", false), ("/products/8", true)] {
    ///     let response = test::call_service(&app, ask(uri)).await;
    ///     assert_eq!(response.headers().contains_key("age"), hit);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_tag(&self, tag: &str) -> Invalidation {
        self.invalidate_tags([tag])
    }

    /// Invalidates what has any of these tags, as [`invalidate_tag`](Self::invalidate_tag) does for
    /// one.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.invalidate_tags(["products", "product:7"]).await?;
    /// assert_eq!(cache.stats().invalidations, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate_tags(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Invalidation {
        self.raise_tags(tags, Bump::Invalidate)
    }

    /// Makes stale what has this tag, as [`expire_path`](Self::expire_path) does a path.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_tag("products").await?;
    /// assert_eq!(cache.stats().invalidations, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_tag(&self, tag: &str) -> Invalidation {
        self.expire_tags([tag])
    }

    /// Makes stale what has any of these tags.
    ///
    /// ```
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let cache = cached_response::ResponseCache::builder().build();
    /// cache.expire_tags(vec!["products".to_owned(), format!("product:{}", 7)]).await?;
    /// assert_eq!(cache.stats().invalidations, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expire_tags(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Invalidation {
        self.raise_tags(tags, Bump::Expire)
    }

    fn raise_tags(
        &self,
        tags: impl IntoIterator<Item = impl AsRef<str>>,
        raise: Bump,
    ) -> Invalidation {
        let tags = tags.into_iter();
        let tags: Vec<_> = tags
            .map(|tag| Scope::Tag(tag.as_ref().to_owned()))
            .collect();
        self.shared().raise(raise, tags)
    }
}
