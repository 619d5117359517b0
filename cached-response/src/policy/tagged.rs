//! The tags that a route gives to its responses.

use crate::policy::Policy;

impl Policy {
    /// Gives each response these tags, which
    /// [`invalidate_tag`](crate::ResponseCache::invalidate_tag) finds it by. `{id}` stands for the
    /// path parameter `id` as a handler's `Path` has it, `{{` and `}}` for braces.
    ///
    /// A response that cannot have them is answered and not stored: its route has no such
    /// parameter (behind [`CacheResponses`](crate::CacheResponses) for an app or a scope, nobody
    /// has matched a route yet), or the tag is longer than 256 bytes.
    ///
    /// ```
    /// use actix_web::{App, test, web};
    /// use cached_response::{Policy, ResponseCache, cached};
    ///
    /// # #[actix_web::main] async fn main() -> Result<(), cached_response::InvalidationError> {
    /// let policy = Policy::new(3600).tags(["products", "product:{id}"]);
    /// let product = cached(policy, |id: web::Path<u32>| async move { format!("product {id}") });
    /// let cache = ResponseCache::builder().build();
    /// let app = App::new().app_data(cache.clone()).route("/products/{id}", web::get().to(product));
    /// let app = test::init_service(app).await;
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
    ///
    /// # Panics
    /// If a brace in a tag is not closed, or closes nothing; if a tag is empty, or there are more
    /// than 64.
    #[must_use]
    #[expect(
        clippy::panic,
        reason = "a mistake in a literal, which shows when the application starts"
    )]
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        for tag in tags {
            let tag = tag.as_ref();
            if let Err(error) = self.tags.add(tag) {
                panic!("`{tag}` cannot be a tag: {error}");
            }
        }
        self
    }
}
