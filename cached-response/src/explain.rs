//! What would become of a request, told without running its handler.

use crate::{
    cache::{Inner, ResponseCache},
    engine::{
        lookup,
        reuse::{Reuse, freshness},
    },
    invalidation::generations::Target,
    key::KeyWriter,
    memory::variants,
    metrics::reason::{Bypass, ForwardReason},
    remote::entry_key::RemoteKey,
    route::{
        Route,
        config::RouteConfig,
        inputs::Inputs,
        request_key::{self, PROXIED, RequestBody, TRUSTED},
    },
};
use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use std::{fmt, time::Duration};

/// What a cache would do with a request, and why; made by [`ResponseCache::explain`].
///
/// Its `Display` is a few lines for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The handler.
    pub handler: &'static str,
    /// What is in the key, each with the value that this request has for it.
    pub keyed: Vec<(String, String)>,
    /// The tags of the route. Those that the handler names itself are known to its runs alone.
    pub tags: Vec<String>,
    /// What would become of the request.
    pub outcome: Outcome,
    /// The name under which the remote store has the response, or the list of what it varies by, if
    /// it has it. `None` without a remote store, for a bypass, and where only the handler's route
    /// can tell.
    pub remote: Option<String>,
}

/// What would become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Answered from a stored response, which stays fresh for this long; zero where the request puts
    /// up with a stale one.
    Hit(Duration),
    /// Looked up, and not answered from the store. [`ForwardReason::Bypass`] is the reason where a
    /// stored response is not for this request's credentials.
    Miss(ForwardReason),
    /// Not looked up.
    Bypass(Bypass),
    /// Answered with 504: the request wants a stored response alone, and none will do.
    OnlyIfCached,
    /// The handler's own arguments or the body are in the key, so that only the handler's route
    /// can tell.
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
    /// Tells what would be in the key of `request`, and why it would or would not be answered from
    /// the store: one explanation for each cached handler of its route that has been asked since
    /// the start of the process. It counts nothing and changes nothing.
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
        let shared = self.shared();
        shared
            .routes
            .of(request)
            .iter()
            .map(|site| explain(site, shared, request))
            .collect()
    }
}

fn explain(site: &Route, shared: &Inner, request: &HttpRequest) -> Explanation {
    Explanation {
        handler: site.name,
        keyed: keyed(&site.config, request),
        tags: tags(&site.config, request),
        outcome: outcome(site, shared, request),
        remote: remote(site, shared, request),
    }
}

fn sent(request: &HttpRequest) -> RequestBody {
    match request.headers().get(header::CONTENT_LENGTH) {
        Some(length) if length != "0" => RequestBody::Unkeyed,
        _ => RequestBody::Nothing,
    }
}

fn outcome(site: &Route, shared: &Inner, request: &HttpRequest) -> Outcome {
    let sent = sent(request);
    let admitted = match lookup::admitted(&site.config, request, &sent, shared) {
        Ok(admitted) => admitted,
        Err(why) => return Outcome::Bypass(why),
    };
    if site.has_parts() || site.config.body {
        return Outcome::Unknown;
    }
    let missed = |forward: ForwardReason| match &admitted.directives {
        Some(directives) if directives.only_if_cached => Outcome::OnlyIfCached,
        _ => Outcome::Miss(forward),
    };
    let Some(data) = shared.data_sets.known(site, request) else {
        return Outcome::Unknown;
    };
    let mut key = KeyWriter::reuse(Vec::new());
    let flagged = request_key::write(&site.config, request, &sent, &mut key);
    data.write(&mut key);
    if lookup::is_live(&site.config, request, flagged, &admitted) {
        return missed(ForwardReason::Request);
    }
    let found = variants::find(&shared.memory, site.handler, &mut key, request);
    let now = shared.now();
    match freshness(shared, found, &admitted, now) {
        Reuse::Fresh(_, stage) | Reuse::Refresh(_, stage) if stage.is_stale() => {
            Outcome::Hit(Duration::ZERO)
        }
        Reuse::Fresh(stored, _) | Reuse::Refresh(stored, _) => {
            Outcome::Hit(stored.deadline().since(now))
        }
        Reuse::Miss(forward, _) => missed(forward),
    }
}

fn remote(site: &Route, shared: &Inner, request: &HttpRequest) -> Option<String> {
    let store = shared.remote.as_ref()?;
    let sent = sent(request);
    let looked_up = lookup::admitted(&site.config, request, &sent, shared).is_ok();
    let is_told = shared
        .data_sets
        .known(site, request)
        .is_some_and(|data| !data.conflicts);
    if !looked_up || !is_told || site.has_parts() || site.config.body {
        return None;
    }
    let mut key = KeyWriter::reuse(Vec::new());
    request_key::write(&site.config, request, &sent, &mut key);
    let target = Target::Response {
        config: &site.config,
        request,
    };
    let errand = RemoteKey::of(&store.namespace, site, key.as_bytes(), target, 0)?;
    Some(errand.name)
}

fn tags(config: &RouteConfig, request: &HttpRequest) -> Vec<String> {
    // With one that it cannot have it is not stored.
    let target = Target::Response { config, request };
    target.tags().unwrap_or_default().into_owned()
}

fn keyed(config: &RouteConfig, request: &HttpRequest) -> Vec<(String, String)> {
    let uri = request.uri();
    let mut keyed = vec![("path".into(), uri.path().to_owned())];
    if let Some(query) = config.query.kept(uri.query()) {
        keyed.push(("query".into(), query));
    }
    let trusted = TRUSTED
        .iter()
        .map(|(_, name)| name)
        .filter(|_| config.inputs.any(Inputs::REQUEST));
    let proxied = PROXIED.iter().filter(|_| config.allowlist.is_some());
    keyed.extend(
        trusted
            .chain(proxied)
            .chain(&config.vary)
            .map(|name| (name.as_str().to_owned(), value(request, name))),
    );
    keyed
}

fn value(request: &HttpRequest, name: &HeaderName) -> String {
    let lines = request.headers().get_all(name);
    let lines: Vec<_> = lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    if lines.is_empty() {
        "(absent)".into()
    } else {
        lines.join(", ")
    }
}
