//! Configuration of a route: its policy and the inputs of its handler.

use crate::{
    http::storable::StorageRules,
    invalidation::{
        generations::Target,
        tags::{ReadPath, RouteTags},
    },
    key::query::{QueryFilter, QueryKey, VisibleQuery},
    metrics::reason::Bypass,
    policy::Policy,
    route::{
        FindData,
        header_allowlist::HeaderAllowlist,
        inputs::{ArgumentInfo, Fields, Inputs, IsRefused, Role},
    },
};
use actix_web::{
    HttpRequest,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName},
    },
};
use std::borrow::Cow;

/// The rules for the requests and responses of one handler, computed once.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct RouteConfig {
    pub(crate) policy: Policy,
    /// Inputs of the handler's body, without gates.
    pub(crate) inputs: Inputs,
    /// Request headers in the key: those of `vary(..)` and of `Header<H>` arguments.
    pub(crate) vary: Vec<HeaderName>,
    /// The author has dealt with the identity of users: an uncovered argument is in `key(..)` or
    /// `gate(..)`, or `vary(..)` names `Authorization`.
    pub(crate) identity: bool,
    /// The query pairs in the key, without the refresh flag where the handler cannot see it.
    pub(crate) query: QueryKey,
    queries: Vec<Fields>,
    /// By argument, the names of the pairs among which the refresh flag is visible.
    shown: Vec<Fields>,
    /// Finders of the `Data<T>` that the handler receives, which may differ between scopes and apps.
    pub(crate) data: Vec<FindData>,
    /// The tags of its responses.
    pub(crate) tags: RouteTags,
    /// Checks for the extraction errors that the handler receives.
    refused: Vec<IsRefused>,
    /// The body is in the key, as bytes or through `key(..)`.
    pub(crate) body: bool,
    /// An `HttpRequest` without `vary`, or an argument with undeclarable inputs: every request
    /// bypasses.
    pub(crate) undeclared: bool,
    /// Set for a middleware, whose handlers are unknown and may read everything.
    pub(crate) allowlist: Option<HeaderAllowlist>,
    /// Every GET and HEAD without a body is looked up. Precomputed, since it holds for most routes and
    /// depends on many options.
    pub(crate) every_get: bool,
    plain: bool,
}

impl RouteConfig {
    /// # Panics
    /// If an option of the policy is invalid.
    #[track_caller]
    pub(crate) fn new(policy: Policy, arguments: &[(Role, ArgumentInfo)]) -> Self {
        policy.mistakes.report();
        let mut config = Self {
            inputs: Inputs::NOTHING,
            vary: policy.vary.clone().unwrap_or_default(),
            identity: false,
            query: QueryKey::whole(None),
            queries: Vec::new(),
            shown: Vec::new(),
            data: Vec::new(),
            tags: RouteTags::default(),
            refused: Vec::new(),
            body: false,
            undeclared: false,
            allowlist: None,
            every_get: false,
            plain: false,
            policy,
        };
        for (role, facts) in arguments {
            config.add(*role, facts);
        }
        let readers: Vec<ReadPath> = arguments
            .iter()
            .filter_map(|(_, facts)| facts.path)
            .collect();
        config.tags = RouteTags::new(config.policy.tags.clone(), readers);
        config.identity |= config.vary.contains(&header::AUTHORIZATION);
        config.undeclared = config.inputs.intersects(Inputs::UNDECLARABLE)
            || (config.inputs.intersects(Inputs::REQUEST) && config.policy.vary.is_none());
        let flag = config.policy.nocache.name.clone();
        let flag = flag.filter(|flag| !config.sees_flag(flag));
        config.query = QueryKey::new(&config.policy.names, config.seen_query(), flag);
        config.every_get = config.look_up_every_get();
        config.plain =
            config.vary.is_empty() && !config.inputs.intersects(Inputs::URI.union(Inputs::REQUEST));
        config
    }

    fn look_up_every_get(&self) -> bool {
        let Policy {
            methods,
            nocache,
            respect_client,
            unless,
            ..
        } = &self.policy;
        methods.contains(&Method::GET)
            && !self.undeclared
            && !self.inputs.intersects(Inputs::REQUEST)
            && (self.query.flag().is_some() || nocache.name.is_none())
            && !respect_client
            && unless.is_none()
    }

    /// The configuration of a middleware in front of unknown handlers.
    #[track_caller]
    pub(crate) fn for_middleware(place: &'static str, mut policy: Policy) -> Self {
        policy.vary.get_or_insert_default();
        let mut config = Self::new(policy, &[(Role::Covered, ArgumentInfo::REQUEST)]);
        let Policy {
            neutral, cookies, ..
        } = &config.policy;
        config.allowlist = Some(HeaderAllowlist::new(place, &config.vary, neutral, cookies));
        config.every_get = false;
        config
    }

    /// Returns the reason word of a bypass with the name of its cause, `header:x-api-key`.
    pub(crate) fn bypass_word(&self, why: Bypass, headers: &HeaderMap) -> Cow<'static, str> {
        let unknown = match &self.allowlist {
            Some(allowlist) if matches!(why, Bypass::Cookie | Bypass::Header) => {
                allowlist.unknown(headers)
            }
            _ => None,
        };
        unknown.map_or_else(|| Cow::Borrowed(why.as_str()), |unknown| unknown.as_str())
    }

    fn add(&mut self, role: Role, facts: &ArgumentInfo) {
        let uncovered = facts.inputs.intersects(Inputs::UNKNOWN);
        if facts.inputs.intersects(Inputs::IDENTITY)
            || (matches!(role, Role::Keyed | Role::Gate) && uncovered)
        {
            self.identity = true;
        }
        if role == Role::Gate {
            return;
        }
        // A type that its author declares covered has no input outside the key.
        if !(role == Role::Covered && uncovered) {
            self.inputs = self.inputs.union(seen(role, facts.inputs));
        }
        self.body |= role == Role::Keyed && facts.inputs.intersects(Inputs::BODY);
        if role == Role::Unkeyed {
            return;
        }
        self.data.extend(facts.data);
        self.refused
            .extend(facts.refused.filter(|_| facts.shows_error));
        if let Some(name) = facts.header {
            self.vary.push(name());
        }
        if let Some(fields) = facts.query {
            self.queries.push(fields());
        }
        self.shown.extend(facts.shown().map(|names| names()));
    }

    /// Returns true for a method whose responses may be stored.
    pub(crate) fn caches(&self, method: &Method) -> bool {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.policy.methods.contains(method)
    }

    /// The parts of a request on this route that can be invalidated.
    pub(crate) fn target<'a>(&'a self, request: &'a HttpRequest) -> Target<'a> {
        Target::Response {
            query: &self.query,
            tags: &self.tags,
            request,
        }
    }

    /// Returns true where the handler receives an extraction error that an error handler of the
    /// application made of the whole request. Called only where a handler runs: it may deserialize
    /// arguments.
    pub(crate) fn shows_refusal(&self, request: &HttpRequest) -> bool {
        self.refused.iter().any(|is_refused| is_refused(request))
    }

    /// The part of the query that the handler can see.
    fn seen_query(&self) -> VisibleQuery {
        let typed = matches!(self.policy.names, QueryFilter::Typed);
        let whole = self.inputs.intersects(Inputs::QUERY);
        let fields = self.queries.iter().copied().collect::<Option<Vec<_>>>();
        match fields {
            Some(fields) if !whole || (typed && !fields.is_empty()) => VisibleQuery::Fields {
                names: fields.concat(),
                ordered: self.inputs.intersects(Inputs::ORDER) || self.stores_errors(),
            },
            _ => VisibleQuery::Whole,
        }
    }

    /// Returns true where an extraction error of the query may be stored: it names the first invalid
    /// pair.
    fn stores_errors(&self) -> bool {
        let mut statuses = self.policy.statuses.iter();
        statuses.any(|(status, _)| status.is_client_error() || status.is_server_error())
    }

    /// Returns true where the handler could see the refresh flag.
    fn sees_flag(&self, flag: &str) -> bool {
        self.inputs.intersects(Inputs::QUERY)
            || self
                .shown
                .iter()
                .any(|fields| fields.is_none_or(|fields| fields.contains(&flag)))
    }

    /// Returns true where the key of a request without a body contains only path and query, except the
    /// parts that arguments and middlewares add.
    pub(crate) fn is_keyed_by_target(&self) -> bool {
        self.plain
    }

    /// Returns true where an argument is extracted before the look-up and may be outdated.
    pub(crate) fn extracts_before_lookup(&self) -> bool {
        self.inputs.intersects(Inputs::EAGER)
    }

    /// The part that decides about storing a response.
    pub(crate) fn storage_rules(&self) -> StorageRules<'_> {
        StorageRules {
            statuses: &self.policy.statuses,
            vary: &self.vary,
            from_response: self.policy.timeout.response_stated(),
        }
    }

    /// Returns true where an argument can see headers, so that conditions and ranges matter.
    pub(crate) fn sees_headers(&self) -> bool {
        self.inputs.intersects(Inputs::HEADERS)
    }
}

/// The inputs of an argument, given its role.
///
/// An unknown type may have been made of the query, and a part of it in `key(..)` need not be
/// everything that is read. The response does not depend on an argument in `unkeyed(..)`; but a whole
/// request contains the query in any role.
fn seen(role: Role, inputs: Inputs) -> Inputs {
    match role {
        Role::Keyed if inputs.intersects(Inputs::UNKNOWN) => inputs.union(Inputs::QUERY),
        Role::Unkeyed if !inputs.intersects(Inputs::REQUEST) => inputs.difference(Inputs::QUERY),
        _ => inputs,
    }
}
