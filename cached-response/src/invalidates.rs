//! Handlers that write: `#[invalidates]` and `invalidating(..)`. The targets are invalidated before the
//! response is sent.

use crate::{
    cache::{ResponseCache, default, invalidate::Invalidation},
    invalidation::{
        route_name::RouteName,
        scope::{Bump, Scope},
        tags::{self, Missing, Template},
    },
    metrics::event::{LogLimit, TARGET},
};
use actix_web::{
    Error, FromRequest, Handler, HttpRequest, HttpResponse, Responder, dev::Payload,
    http::StatusCode,
};
use std::{any::type_name, fmt, future::Future, pin::Pin};

/// The targets that a handler invalidates: the options of `#[invalidates]`, as methods of the same
/// names, for [`invalidating`](crate::invalidating).
///
/// `{id}` in a target stands for the path parameter `id` of the handler's route; `{{` and `}}` are
/// literal braces. A request without that parameter logs an error and invalidates everything.
///
/// ```
/// use actix_web::{App, test, web};
/// use cached_response::{Invalidations, ResponseCache, invalidating};
///
/// async fn rename(id: web::Path<u32>) -> String {
///     format!("renamed {id}")
/// }
///
/// # #[actix_web::main] async fn main() {
/// let cache = ResponseCache::builder().build();
/// let targets = Invalidations::new().tags(["product:{id}"]).path("/products/{id}").url("/products?page=1");
/// let app = App::new()
///     .app_data(cache.clone())
///     .route("/products/{id}/name", web::put().to(invalidating(targets, rename)));
/// let app = test::init_service(app).await;
/// let request = test::TestRequest::put().uri("/products/7/name").to_request();
/// assert_eq!(test::call_and_read_body(&app, request).await, "renamed 7");
/// assert_eq!(cache.stats().invalidations, 3);
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Invalidations {
    targets: Vec<TargetTemplate>,
    cache: Option<ResponseCache>,
}

#[derive(Clone, Debug)]
enum TargetTemplate {
    All,
    Tag(Template),
    Path(Template),
    Url(Template),
    Prefix(Template),
    Route(String),
}

impl Invalidations {
    /// No target.
    ///
    /// ```
    /// let targets = cached_response::Invalidations::new().all();
    /// assert!(format!("{targets:?}").contains("All"));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds tags, as for [`ResponseCache::invalidate_tag`].
    ///
    /// A parameter is filled in percent-decoded; where its text can be read as a number, a UUID or an IP
    /// address, the tags with the usual forms of that value are invalidated, too.
    ///
    /// # Panics
    /// If a brace is unmatched.
    ///
    /// ```
    /// let targets = cached_response::Invalidations::new().tags(["products", "product:{id}"]);
    /// assert!(format!("{targets:?}").contains("products"));
    /// ```
    #[must_use]
    pub fn tags(self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        tags.into_iter().fold(self, |targets, tag| {
            targets.and(TargetTemplate::Tag(template(tag.as_ref())))
        })
    }

    /// Adds a path with all its queries, as for [`ResponseCache::invalidate_path`].
    ///
    /// # Panics
    /// If a brace is unmatched.
    ///
    /// ```
    /// let targets = cached_response::Invalidations::new().path("/products/{id}");
    /// assert!(format!("{targets:?}").contains("/products/"));
    /// ```
    #[must_use]
    pub fn path(self, path: impl AsRef<str>) -> Self {
        self.and(TargetTemplate::Path(template(path.as_ref())))
    }

    /// Adds one URL, a path with one query, as for [`ResponseCache::invalidate_url`].
    ///
    /// # Panics
    /// If a brace is unmatched.
    ///
    /// ```
    /// let targets = cached_response::Invalidations::new().url("/products?page=1");
    /// assert!(format!("{targets:?}").contains("page=1"));
    /// ```
    #[must_use]
    pub fn url(self, url: impl AsRef<str>) -> Self {
        self.and(TargetTemplate::Url(template(url.as_ref())))
    }

    /// Adds all paths with a prefix, as for [`ResponseCache::invalidate_prefix`].
    ///
    /// A parameter whose text is only escaped slashes, `%2F`, is no segment of a prefix: the path alone is
    /// invalidated.
    ///
    /// # Panics
    /// If a brace is unmatched.
    ///
    /// ```
    /// let targets = cached_response::Invalidations::new().prefix("/shops/{shop}");
    /// assert!(format!("{targets:?}").contains("/shops/"));
    /// ```
    #[must_use]
    pub fn prefix(self, prefix: impl AsRef<str>) -> Self {
        self.and(TargetTemplate::Prefix(template(prefix.as_ref())))
    }

    /// Adds a route, as for [`ResponseCache::invalidate_route`]. Braces in a pattern are those of the
    /// pattern.
    ///
    /// ```
    /// let targets = cached_response::Invalidations::new().route("/products/{id}");
    /// assert!(format!("{targets:?}").contains("/products/"));
    /// ```
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a function or a literal, as `web::get().to(..)` takes it"
    )]
    pub fn route<Kind>(self, route: impl RouteName<Kind>) -> Self {
        self.and(TargetTemplate::Route(route.route_name()))
    }

    /// Adds everything.
    ///
    /// ```
    /// let targets = cached_response::Invalidations::new().all();
    /// assert!(format!("{targets:?}").contains("All"));
    /// ```
    #[must_use]
    pub fn all(self) -> Self {
        self.and(TargetTemplate::All)
    }

    /// Invalidates in `cache` instead of the application's.
    ///
    /// ```
    /// use actix_web::test::TestRequest;
    /// use cached_response::{Invalidations, ResponseCache, invalidating};
    ///
    /// let cache = ResponseCache::builder().build();
    /// let targets = Invalidations::new().tags(["products"]).cache(cache);
    /// let handler = invalidating(targets, || async { "written" });
    /// # let _ = (handler, TestRequest::get());
    /// ```
    #[must_use]
    pub fn cache(mut self, cache: ResponseCache) -> Self {
        self.cache = Some(cache);
        self
    }

    fn and(mut self, target: TargetTemplate) -> Self {
        self.targets.push(target);
        self
    }
}

#[expect(
    clippy::panic,
    reason = "a mistake in a literal, which shows when the application starts"
)]
fn template(text: &str) -> Template {
    Template::parse(text).unwrap_or_else(|error| panic!("`{text}` cannot be invalidated: {error}"))
}

/// Returns the text as a template without parameters: its braces are literal.
pub fn literal(text: impl AsRef<str>) -> String {
    text.as_ref().replace('{', "{{").replace('}', "}}")
}

/// Wraps a handler that writes: `#[invalidates]` without a macro.
///
/// The targets are invalidated when the handler has returned, before its response is sent. A 4xx
/// invalidates nothing; a 5xx, a panic and a handler that is dropped invalidate.
///
/// ```
/// use actix_web::{App, test, web};
/// use cached_response::{Invalidations, Policy, ResponseCache, cached, invalidating};
/// use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
///
/// static STOCK: AtomicU32 = AtomicU32::new(7);
///
/// async fn stock() -> String {
///     STOCK.load(SeqCst).to_string()
/// }
///
/// async fn sell() -> &'static str {
///     STOCK.fetch_sub(1, SeqCst);
///     "sold"
/// }
///
/// # #[actix_web::main] async fn main() {
/// let sells = invalidating(Invalidations::new().path("/stock"), sell);
/// let app = App::new()
///     .app_data(ResponseCache::builder().build())
///     .route("/stock", web::get().to(cached(Policy::new(3600), stock)))
///     .route("/sell", web::post().to(sells));
/// let app = test::init_service(app).await;
/// let read = || test::TestRequest::with_uri("/stock").to_request();
///
/// assert_eq!(test::call_and_read_body(&app, read()).await, "7");
/// test::call_service(&app, test::TestRequest::post().uri("/sell").to_request()).await;
/// assert_eq!(test::call_and_read_body(&app, read()).await, "6");
/// # }
/// ```
pub fn invalidating<H>(targets: Invalidations, handler: H) -> InvalidatingHandler<H> {
    InvalidatingHandler {
        guard: InvalidationGuard::new(type_name::<H>(), false),
        targets,
        handler,
    }
}

/// A handler that invalidates; returned by [`invalidating`].
#[derive(Clone)]
pub struct InvalidatingHandler<H> {
    guard: InvalidationGuard,
    targets: Invalidations,
    handler: H,
}

impl<H> fmt::Debug for InvalidatingHandler<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidatingHandler")
            .field("guard", &self.guard)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

impl<H, Args> Handler<InvalidatingCall<Args>> for InvalidatingHandler<H>
where
    H: Handler<Args>,
    H::Output: Responder,
    Args: FromRequest + 'static,
{
    type Output = HttpResponse;
    type Future = Written;

    fn call(&self, call: InvalidatingCall<Args>) -> Written {
        let Self {
            guard,
            targets,
            handler,
        } = self.clone();
        call.run(
            guard,
            |_| targets,
            move |arguments, ()| async move { handler.call(arguments).await },
        )
    }
}

/// The extractor of a handler that invalidates: the request, and the handler's arguments.
pub struct InvalidatingCall<E> {
    request: HttpRequest,
    arguments: E,
}

/// The future of the response.
pub type Written = Pin<Box<dyn Future<Output = HttpResponse>>>;

impl<E> fmt::Debug for InvalidatingCall<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidatingCall").finish_non_exhaustive()
    }
}

impl<E: FromRequest + 'static> FromRequest for InvalidatingCall<E> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let arguments = E::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            Ok(Self {
                arguments: arguments.await.map_err(Into::into)?,
                request,
            })
        })
    }
}

impl<E: 'static> InvalidatingCall<E> {
    /// Runs `handler`, then invalidates the targets, which `targets` computes from the arguments before
    /// the run.
    pub fn run<N, H, F>(self, guard: InvalidationGuard, targets: N, handler: H) -> Written
    where
        N: FnOnce(&E) -> Invalidations + 'static,
        H: FnOnce(E, ()) -> F + 'static,
        F: Future + 'static,
        F::Output: Responder,
    {
        Box::pin(async move {
            let Self { request, arguments } = self;
            let write = Write::begin(guard, targets(&arguments), &request);
            let output = handler(arguments, ()).await;
            let response = output.respond_to(&request).map_into_boxed_body();
            write.finish(response.status()).await;
            response
        })
    }
}

/// The name of a handler that invalidates.
#[derive(Clone, Copy, Debug)]
pub struct InvalidationGuard {
    name: &'static str,
    unit_test: bool,
}

impl InvalidationGuard {
    /// The handler `name`. In a unit test its default cache is that of the thread.
    pub const fn new(name: &'static str, unit_test: bool) -> Self {
        Self { name, unit_test }
    }
}

/// A run of a handler that invalidates.
///
/// The handler may have written from its start, so a run that is dropped by a panic or a
/// disconnected client invalidates as well.
#[derive(Debug)]
struct Write {
    guard: InvalidationGuard,
    cache: ResponseCache,
    targets: Vec<ResolvedTarget>,
}

/// A target with its parameters filled in.
#[derive(Debug)]
struct ResolvedTarget {
    scope: Scope,
    /// A tag with the value of a parameter: no advice is given about it.
    is_filled_tag: bool,
}

impl Write {
    /// To be called before the handler starts.
    fn begin(guard: InvalidationGuard, targets: Invalidations, request: &HttpRequest) -> Self {
        let Invalidations { targets, cache } = targets;
        let default = || default::of(request, guard.unit_test).into_owned();
        Self {
            guard,
            cache: cache.unwrap_or_else(default),
            targets: targets
                .iter()
                .flat_map(|target| ResolvedTarget::resolve(target, request, guard))
                .collect(),
        }
    }

    /// Invalidates after a response with this status. To be awaited before the response is sent.
    ///
    /// After a client error nothing was written. After a server error it is unknown.
    async fn finish(mut self, status: StatusCode) {
        if status.is_client_error() {
            self.targets.clear();
        }
        // All start before the first is awaited: a client that disconnects meanwhile stops none.
        for invalidation in self.invalidate() {
            if let Err(error) = invalidation.await
                && self
                    .cache
                    .shared()
                    .observers
                    .incomplete_invalidations
                    .admits()
            {
                tracing::warn!(
                    target: TARGET,
                    handler = self.guard.name,
                    error = &error as &dyn std::error::Error,
                    "what this handler wrote is not invalidated everywhere"
                );
            }
        }
    }

    fn invalidate(&mut self) -> Vec<Invalidation> {
        let Self { cache, targets, .. } = self;
        let each = targets.drain(..).map(|target| {
            let ResolvedTarget {
                scope,
                is_filled_tag,
            } = target;
            if is_filled_tag {
                cache.shared().bump(Bump::Invalidate, vec![scope])
            } else {
                cache.bump(Bump::Invalidate, scope)
            }
        });
        each.collect()
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        self.invalidate();
    }
}

impl ResolvedTarget {
    /// Fills in the parameters, with every reading of their text: a page has the tags of a typed value,
    /// and the type of a parameter is unknown here.
    ///
    /// Where a parameter is missing the target is unknown, and everything is invalidated: too much is
    /// safe, too little is not.
    fn resolve(
        target: &TargetTemplate,
        request: &HttpRequest,
        guard: InvalidationGuard,
    ) -> Vec<Self> {
        let raw = |name: &str| request.match_info().get(name);
        let readings = |name: &str| raw(name).map(tags::readings);
        let escape = |text: String| tags::escaped(&text.replace('%', "%25"));
        let escaped = |name: &str| {
            let readings = readings(name)?.into_iter();
            Some(readings.map(escape).collect())
        };
        let filled: Result<Vec<_>, _> = match target {
            TargetTemplate::All => Ok(vec![Scope::All]),
            TargetTemplate::Tag(tag) => each(tag.fill_each(readings), Scope::Tag),
            TargetTemplate::Path(path) => each(path.fill_each(escaped), Scope::Path),
            TargetTemplate::Url(url) => each(url.fill_each(escaped), Scope::Url),
            TargetTemplate::Prefix(prefix) => {
                // No segment of the prefix would be left of it: only a path has it.
                let mut values = prefix.parameters().filter_map(raw);
                let scope = if values.any(is_escaped_slashes) {
                    Scope::Path
                } else {
                    Scope::Prefix
                };
                each(prefix.fill_each(escaped), scope)
            }
            TargetTemplate::Route(name) => Ok(vec![Scope::Route(name.clone())]),
        };
        let scopes = filled.unwrap_or_else(|missing| {
            warn_of_missing(&missing, guard);
            vec![Scope::All]
        });
        let has_parameters =
            matches!(target, TargetTemplate::Tag(tag) if tag.parameters().next().is_some());
        let resolved = scopes.into_iter().map(|scope| Self {
            is_filled_tag: has_parameters && scope != Scope::All,
            scope,
        });
        resolved.collect()
    }
}

fn each(
    texts: Result<Vec<String>, Missing>,
    scope: fn(String) -> Scope,
) -> Result<Vec<Scope>, Missing> {
    Ok(texts?.into_iter().map(scope).collect())
}

fn warn_of_missing(missing: &Missing, guard: InvalidationGuard) {
    static LIMIT: LogLimit = LogLimit::new();
    if LIMIT.admits() {
        tracing::error!(
            target: TARGET,
            handler = guard.name,
            "{missing}, which it is to invalidate by: everything is invalidated in its place"
        );
    }
}

/// Returns true for the value of a parameter that consists of slashes, of which one is escaped, `%2F`: it
/// is one segment of a path, and is nothing in the name of a prefix.
fn is_escaped_slashes(raw: &str) -> bool {
    raw.contains('%') && tags::decoded(raw).chars().all(|letter| letter == '/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::StoreErrorKind, testing::in_process_store::InProcessStore, tests::warnings::Warnings,
    };
    use actix_web::test::TestRequest;

    #[actix_web::test]
    async fn targets_that_the_store_refuses_to_invalidate_are_a_warning_once_a_second() {
        let warnings = Warnings::of("::invalidates");
        let _guard = tracing::subscriber::set_default(warnings.clone());
        let store = InProcessStore::new();
        store.fail_only("delete_many", StoreErrorKind::Refused);
        let cache = ResponseCache::builder().remote(store).build();
        let targets = Invalidations::new().path("/a").tags(["b"]).cache(cache);
        let request = TestRequest::put().to_http_request();
        let write = Write::begin(InvalidationGuard::new("rename", false), targets, &request);
        write.finish(StatusCode::OK).await;

        let lines = warnings.lines();
        let [warning] = &*lines else {
            panic!("{lines:?}");
        };
        assert!(warning.contains("handler: \"rename\""), "{warning}");
        assert!(warning.contains("the remote store refuses"), "{warning}");
        assert!(warning.contains("not invalidated everywhere"), "{warning}");
    }
}
