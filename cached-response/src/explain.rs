//! `explain`: the outcome of a request, without running its handler.

use crate::{
    cache::{Inner, ResponseCache},
    engine::{
        lookup,
        reuse::{self, Reuse},
    },
    key::{KeyWriter, reader},
    memory::variants,
    metrics::reason::{Bypass, ForwardReason},
    route::{
        Route,
        admission::Admitted,
        request_key::{self, RequestBody},
    },
};
use actix_web::{HttpRequest, http::header};
use std::{fmt, time::Duration};

/// The outcome of a request, and the reason for it; returned by [`ResponseCache::explain`].
///
/// Its `Display` is a few lines of text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The name of the handler.
    pub handler: &'static str,
    /// The parts of the key, each with its value in this request: `method`, `path`, `{id}` for a path
    /// parameter, `query`, the names of headers, and what else the handler can see. The values of
    /// `Authorization`, `Cookie` and inserted parts are not shown.
    pub keyed: Vec<(String, String)>,
    /// The tags of the route. Those that the handler adds itself are known to its runs alone.
    pub tags: Vec<String>,
    /// The outcome of the request.
    pub outcome: Outcome,
    /// The name of the response, or of the list of names that it varies by, in the remote store. `None`
    /// without a remote store, for a bypass, and where only the handler's route can know it.
    pub remote: Option<String>,
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Answered from a stored response, which stays fresh for this long; zero for a stale one.
    Hit(Duration),
    /// Looked up, and forwarded to the handler. The reason is [`ForwardReason::Bypass`] where a stored
    /// response may not answer a request with credentials.
    Miss(ForwardReason),
    /// Not looked up.
    Bypass(Bypass),
    /// Answered with 504: the request has `only-if-cached`, and no stored response answers it.
    OnlyIfCached,
    /// The handler's own arguments or the body are in the key, so that only the handler's route can know
    /// it.
    Unknown,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Outcome::Hit(left) => {
                writeln!(f, "{}: hit, fresh for {} s", self.handler, left.as_secs())?;
            }
            Outcome::Miss(why) => writeln!(f, "{}: miss ({})", self.handler, why.as_str())?,
            Outcome::Bypass(why) => writeln!(f, "{}: bypass ({why})", self.handler)?,
            Outcome::OnlyIfCached => writeln!(f, "{}: 504 (only-if-cached)", self.handler)?,
            Outcome::Unknown => writeln!(
                f,
                "{}: depends on the handler's own arguments",
                self.handler
            )?,
        }
        for (name, value) in &self.keyed {
            writeln!(f, "  {name} = {value}")?;
        }
        for tag in &self.tags {
            writeln!(f, "  tagged {tag}")?;
        }
        let mut remote = self.remote.iter();
        remote.try_for_each(|name| writeln!(f, "  in the remote store as {name}"))
    }
}

impl ResponseCache {
    /// Explains the key of `request`, and the outcome of its look-up: one explanation for each cached handler
    /// of its route that was called since the start of the process. It counts and changes nothing.
    ///
    /// Parts of the key that come from the handler's arguments (`key(..)`, `body`) are not known
    /// outside the handler.
    ///
    /// ```
    /// use actix_web::{App, HttpRequest, Responder, get, test, web};
    /// use cached_response::{Outcome, ResponseCache, cached_response};
    ///
    /// #[get("/page/{n}")]
    /// #[cached_response(vary("accept-language"))]
    /// async fn page(request: HttpRequest) -> impl Responder {
    ///     request.path().to_owned()
    /// }
    ///
    /// # #[actix_web::main] async fn main() {
    /// let cache = ResponseCache::builder().build();
    /// let app = test::init_service(App::new().app_data(cache.clone()).service(page)).await;
    /// let asked = test::TestRequest::with_uri("/page/1?a=1").to_request();
    /// let response = test::call_service(&app, asked).await;
    ///
    /// let explained = cache.explain(response.request());
    /// assert!(matches!(explained[0].outcome, Outcome::Hit(_)));
    /// assert!(explained[0].keyed.contains(&("query".into(), "a=1".into())));
    /// # }
    /// ```
    pub fn explain(&self, request: &HttpRequest) -> Vec<Explanation> {
        let pattern = request.match_pattern().unwrap_or_default();
        self.explain_as(&pattern, request)
    }

    /// Explains a request as one of the route with this pattern, whatever its own is.
    pub(crate) fn explain_as(&self, pattern: &str, request: &HttpRequest) -> Vec<Explanation> {
        let shared = self.shared();
        let routes = shared.routes.of(pattern);
        routes
            .iter()
            .map(|route| explain(route, shared, request))
            .collect()
    }
}

fn explain(route: &Route, shared: &Inner, request: &HttpRequest) -> Explanation {
    let body = match request.headers().get(header::CONTENT_LENGTH) {
        Some(length) if length != "0" => RequestBody::Unkeyed,
        _ => RequestBody::Nothing,
    };
    let config = &route.config;
    let admitted = lookup::admit_request(config, request, &body, shared);
    let mut key = KeyWriter::reuse(Vec::new());
    let flagged = request_key::write(config, request, &body, &mut key);
    let has_own_parts = route.has_parts() || config.body;
    let data = shared.data_sets.known(route, request);
    let data = data.filter(|_| !has_own_parts);
    let mut explanation = Explanation {
        handler: route.name,
        keyed: reader::parts(key.as_bytes()).unwrap_or_default(),
        // A response that cannot have one of them is not stored.
        tags: config
            .target(request)
            .tags()
            .unwrap_or_default()
            .into_owned(),
        outcome: Outcome::Unknown,
        remote: None,
    };
    match (admitted, data) {
        (Err(why), _) => explanation.outcome = Outcome::Bypass(why),
        (Ok(_), None) => {}
        (Ok(admitted), Some(data)) => {
            let store = shared.remote.as_ref().filter(|_| !data.conflicts);
            explanation.remote =
                store.and_then(|store| store.name(route, key.as_bytes(), config.target(request)));
            data.write(&mut key);
            explanation.outcome = if lookup::is_forced(config, request, flagged, &admitted) {
                missed(&admitted, ForwardReason::Request)
            } else {
                outcome(route, shared, request, &admitted, &mut key)
            };
        }
    }
    explanation
}

fn outcome(
    route: &Route,
    shared: &Inner,
    request: &HttpRequest,
    admitted: &Admitted,
    key: &mut KeyWriter,
) -> Outcome {
    let found = variants::find(&shared.memory, route.handler, key, request);
    let now = shared.now();
    let leads = lookup::leads(admitted, request);
    match reuse::of_found(shared, found, admitted, leads, now) {
        Reuse::Fresh(_, stage) | Reuse::Refresh(_, stage) if stage.is_stale() => {
            Outcome::Hit(Duration::ZERO)
        }
        Reuse::Fresh(stored, _) | Reuse::Refresh(stored, _) => {
            Outcome::Hit(stored.deadline().since(now))
        }
        Reuse::Miss(forward, _) => missed(admitted, forward),
    }
}

fn missed(admitted: &Admitted, forward: ForwardReason) -> Outcome {
    match &admitted.directives {
        Some(directives) if directives.only_if_cached => Outcome::OnlyIfCached,
        _ => Outcome::Miss(forward),
    }
}
