//! What a handler that writes makes outdated, and when that is said.

use crate::{
    cache::{ResponseCache, default, invalidate::Invalidation},
    invalidation::{parameter, template::Template},
};
use actix_web::{HttpRequest, http::StatusCode};

/// What a handler that writes invalidates: the options of `#[invalidates]`, as methods of the same
/// names, for [`invalidating`](crate::invalidating).
///
/// `{id}` in a name stands for the path parameter `id` of the handler's route; `{{` and `}}` are
/// braces.
///
/// ```
/// use actix_web::{App, web};
/// use cached_response::{Invalidations, invalidating};
///
/// async fn rename(id: web::Path<u32>) -> String {
///     format!("{id} has another name now")
/// }
///
/// let names = Invalidations::new().tags(["product:{id}"]).path("/products/{id}").url("/products?page=1");
/// let app = App::new().route("/products/{id}/name", web::put().to(invalidating(names, rename)));
/// # let _ = app;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Invalidations {
    named: Vec<Named>,
    cache: Option<ResponseCache>,
}

#[derive(Clone, Debug)]
enum Named {
    All,
    Tag(Template),
    Path(Template),
    Url(Template),
}

impl Invalidations {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What has one of these tags, as [`ResponseCache::invalidate_tag`] does it.
    ///
    /// A parameter is filled in as it was sent, decoded, and as each number, UUID or IP address that it
    /// may be read as.
    ///
    /// # Panics
    /// If a brace in one is not closed, or closes nothing.
    #[must_use]
    pub fn tags(self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        tags.into_iter().fold(self, |so_far, tag| {
            so_far.and(Named::Tag(template(tag.as_ref())))
        })
    }

    /// A path with all its queries, as [`ResponseCache::invalidate_path`] does it.
    ///
    /// # Panics
    /// If a brace in it is not closed, or closes nothing.
    #[must_use]
    pub fn path(self, path: impl AsRef<str>) -> Self {
        self.and(Named::Path(template(path.as_ref())))
    }

    /// One URL, that is a path with one query, as [`ResponseCache::invalidate_url`] does it.
    ///
    /// # Panics
    /// If a brace in it is not closed, or closes nothing.
    #[must_use]
    pub fn url(self, url: impl AsRef<str>) -> Self {
        self.and(Named::Url(template(url.as_ref())))
    }

    /// Everything.
    #[must_use]
    pub fn all(self) -> Self {
        self.and(Named::All)
    }

    /// In this cache, in place of the application's.
    #[must_use]
    pub fn cache(mut self, cache: ResponseCache) -> Self {
        self.cache = Some(cache);
        self
    }

    fn and(mut self, named: Named) -> Self {
        self.named.push(named);
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

/// A handler that writes.
#[derive(Clone, Copy, Debug)]
pub struct InvalidationGuard {
    name: &'static str,
    unit_test: bool,
}

impl InvalidationGuard {
    /// The handler `name`. In a unit test its default cache is the thread's.
    pub const fn new(name: &'static str, unit_test: bool) -> Self {
        Self { name, unit_test }
    }
}

/// A run of a handler that writes.
///
/// It may have written from the moment when it starts, so that one that is dropped, because it
/// panicked or its client left, invalidates as well.
#[derive(Debug)]
pub(crate) struct Write {
    writer: InvalidationGuard,
    cache: ResponseCache,
    outdated: Vec<Outdated>,
}

/// A name with its parameters filled in.
#[derive(Debug)]
enum Outdated {
    All,
    Tag(String),
    Path(String),
    Url(String),
}

impl Write {
    /// To be called before the handler starts.
    pub(crate) fn begin(
        writer: InvalidationGuard,
        invalidates: Invalidations,
        request: &HttpRequest,
    ) -> Self {
        let Invalidations { named, cache } = invalidates;
        let default = || default::of(request, writer.unit_test).into_owned();
        Self {
            writer,
            cache: cache.unwrap_or_else(default),
            outdated: named
                .iter()
                .flat_map(|named| Outdated::find(named, request, writer))
                .collect(),
        }
    }

    /// The handler has answered so. To be awaited before the client has the answer.
    ///
    /// A client error says that nothing was written. After a server error nobody knows.
    pub(crate) async fn answered(mut self, status: StatusCode) {
        if status.is_client_error() {
            self.outdated.clear();
        }
        // All of them first: a client that leaves while one is awaited stops none.
        for invalidated in self.invalidate() {
            if let Err(error) = invalidated.await {
                tracing::warn!(
                    handler = self.writer.name,
                    error = &error as &dyn std::error::Error,
                    "what this handler wrote is not invalidated everywhere"
                );
            }
        }
    }

    fn invalidate(&mut self) -> Vec<Invalidation> {
        let Self {
            cache, outdated, ..
        } = self;
        let each = outdated.drain(..).map(|outdated| match outdated {
            Outdated::All => cache.invalidate_all(),
            Outdated::Tag(tag) => cache.invalidate_tag(&tag),
            Outdated::Path(path) => cache.invalidate_path(&path),
            Outdated::Url(url) => cache.invalidate_url(&url),
        });
        each.collect()
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        self.invalidate();
    }
}

impl Outdated {
    /// What is named after a parameter is named after all that its text may be read as, since a page
    /// has the tags of its value, and the type of a parameter is not known here.
    ///
    /// Where a parameter is missing nobody knows what is meant: that is everything, since too much
    /// is safe and too little is not.
    fn find(named: &Named, request: &HttpRequest, writer: InvalidationGuard) -> Vec<Self> {
        let raw = |name: &str| request.match_info().get(name);
        let read = |name: &str| raw(name).map(parameter::readings);
        let escape = |text: String| parameter::escaped(&text.replace('%', "%25")).into_owned();
        let escaped = |name: &str| {
            let readings = read(name)?.into_iter();
            Some(readings.map(escape).collect())
        };
        let each = |texts: Vec<String>, outdated: fn(String) -> Self| {
            texts.into_iter().map(outdated).collect()
        };
        let found = match named {
            Named::All => Ok(vec![Self::All]),
            Named::Tag(tag) => tag.fill_each(read).map(|tags| each(tags, Self::Tag)),
            Named::Path(path) => path.fill_each(escaped).map(|paths| each(paths, Self::Path)),
            Named::Url(url) => url.fill_each(escaped).map(|urls| each(urls, Self::Url)),
        };
        found.unwrap_or_else(|missing| {
            tracing::error!(
                handler = writer.name,
                "{missing}, which it is to invalidate by: everything is invalidated in its place"
            );
            vec![Self::All]
        })
    }
}

#[cfg(test)]
mod tests;
