//! The terms of a route: its policy together with what its handler can see.

use crate::{
    http::storable::StorageRules,
    invalidation::{parameter::decoded, tags::Untagged},
    key::query::{QueryFilter, QueryKey, Seen},
    metrics::reason::Bypass,
    policy::Policy,
    route::{
        header_allowlist::HeaderAllowlist,
        inputs::{ArgumentInfo, Fields, Inputs, IsRefused, ReadPath, Role},
        seen_data::FindData,
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

/// Everything that decides about one handler's requests and responses, made once.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that hold or do not, each for itself"
)]
pub(crate) struct RouteConfig {
    pub(crate) policy: Policy,
    /// What the handler's body can see, gates left out.
    pub(crate) inputs: Inputs,
    /// The headers in the key: those of `vary(..)` and of `Header<H>` arguments.
    pub(crate) vary: Vec<HeaderName>,
    /// Its author has dealt with identity: an uncovered argument is in `key(..)` or `gate(..)`,
    /// or `vary(..)` names `Authorization`.
    pub(crate) identity: bool,
    /// What of the query is in the key. The flag of a live answer is left out of it where the handler
    /// cannot see it.
    pub(crate) query: QueryKey,
    queries: Vec<Fields>,
    /// The names among which the flag of a live answer can be seen, by argument.
    shown: Vec<Fields>,
    /// The `Data<T>` that the handler is given, which is not the same in each scope or app.
    pub(crate) data: Vec<FindData>,
    /// Read the values of the path's parameters, as the arguments do.
    paths: Vec<ReadPath>,
    /// Ask for the errors that the handler is shown.
    refused: Vec<IsRefused>,
    /// Whether the body is in the key, as bytes or through `key(..)`.
    pub(crate) body: bool,
    /// An `HttpRequest` without a word on what it reads, or an argument of which not everything can
    /// be told: nothing is looked up.
    pub(crate) undeclared: bool,
    /// Nothing is seen of the handlers, which may see everything.
    pub(crate) allowlist: Option<HeaderAllowlist>,
    /// Every GET and HEAD without a body is looked up, whatever it says. Known beforehand, since it
    /// is so for most routes and what it follows from lies far apart.
    pub(crate) every_get: bool,
    plain: bool,
}

impl RouteConfig {
    pub(crate) fn new(policy: Policy, arguments: &[(Role, ArgumentInfo)]) -> Self {
        let mut config = Self {
            inputs: Inputs::NOTHING,
            vary: policy.vary.clone().unwrap_or_default(),
            identity: false,
            query: QueryKey::whole(None),
            queries: Vec::new(),
            shown: Vec::new(),
            data: Vec::new(),
            paths: Vec::new(),
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
        config.identity |= config.vary.contains(&header::AUTHORIZATION);
        config.undeclared = config.inputs.any(Inputs::UNTOLD)
            || (config.inputs.any(Inputs::REQUEST) && config.policy.vary.is_none());
        let flag = config.policy.nocache.name.clone();
        let flag = flag.filter(|flag| !config.sees_flag(flag));
        config.query = QueryKey::new(&config.policy.names, config.seen_query(), flag);
        config.every_get = config.look_up_every_get();
        config.plain =
            config.vary.is_empty() && !config.inputs.any(Inputs::URI.and(Inputs::REQUEST));
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
            && !self.inputs.any(Inputs::REQUEST)
            && (self.query.flag().is_some() || nocache.name.is_none())
            && !respect_client
            && unless.is_none()
    }

    /// The terms of a door in front of handlers that nothing is known of.
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

    /// The word for a bypass, with the name of what it is about: `header:x-api-key`.
    pub(crate) fn as_str(&self, why: Bypass, headers: &HeaderMap) -> Cow<'static, str> {
        let objection = match &self.allowlist {
            Some(allowlist) if matches!(why, Bypass::Cookie | Bypass::Header) => {
                allowlist.objection(headers)
            }
            _ => None,
        };
        objection.map_or_else(
            || Cow::Borrowed(why.as_str()),
            |objection| objection.as_str(),
        )
    }

    fn add(&mut self, role: Role, facts: &ArgumentInfo) {
        let uncovered = facts.inputs.any(Inputs::UNKNOWN);
        if facts.inputs.any(Inputs::IDENTITY)
            || (matches!(role, Role::Keyed | Role::Gate) && uncovered)
        {
            self.identity = true;
        }
        self.paths.extend(facts.path);
        if role == Role::Gate {
            return;
        }
        // A type that is covered by its author's word shows nothing that is not in the key.
        if !(role == Role::Covered && uncovered) {
            self.inputs = self.inputs.and(seen(role, facts.inputs));
        }
        self.body |= role == Role::Keyed && facts.inputs.any(Inputs::BODY);
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

    /// The tags that the route gives to a response to `request`, named after the values of its
    /// parameters. To be asked where a handler runs: it deserialises them.
    pub(crate) fn tags(&self, request: &HttpRequest) -> Result<Vec<String>, Untagged> {
        let tags = &self.policy.tags;
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let parameters: Vec<_> = request.match_info().iter().collect();
        let mut values = vec![None; parameters.len()];
        for read in &self.paths {
            for (value, read) in values.iter_mut().zip(read(&parameters)) {
                *value = value.take().or(read);
            }
        }
        tags.fill(|name| {
            let at = parameters.iter().position(|(known, _)| *known == name)?;
            let text = || decoded(parameters[at].1);
            Some(values[at].as_deref().map_or_else(text, Cow::Borrowed))
        })
    }

    /// Returns true where the handler is shown an error that an error handler of the application has
    /// made of the whole request. To be asked where a handler runs: it may deserialise arguments.
    pub(crate) fn shows_refusal(&self, request: &HttpRequest) -> bool {
        self.refused.iter().any(|is_refused| is_refused(request))
    }

    /// What the handler can see of the query.
    fn seen_query(&self) -> Seen {
        let typed = matches!(self.policy.names, QueryFilter::Typed);
        let whole = self.inputs.any(Inputs::QUERY);
        let fields = self.queries.iter().copied().collect::<Option<Vec<_>>>();
        match fields {
            Some(fields) if !whole || (typed && !fields.is_empty()) => Seen::Fields {
                names: fields.concat(),
                ordered: self.inputs.any(Inputs::ORDER) || self.stores_errors(),
            },
            _ => Seen::Whole,
        }
    }

    /// Whether a response may be stored that says why a query could not be read: it speaks of the
    /// first pair that is wrong.
    fn stores_errors(&self) -> bool {
        let mut statuses = self.policy.statuses.iter();
        statuses.any(|(status, _)| status.is_client_error() || status.is_server_error())
    }

    /// Whether the handler could tell `?nocache=1` from a request without it.
    fn sees_flag(&self, flag: &str) -> bool {
        self.inputs.any(Inputs::QUERY)
            || self
                .shown
                .iter()
                .any(|fields| fields.is_none_or(|fields| fields.contains(&flag)))
    }

    /// Whether nothing but path and query is in the key of a request without a body, but for the
    /// parts that arguments and middlewares add.
    pub(crate) fn is_keyed_by_target(&self) -> bool {
        self.plain
    }

    /// Whether an argument that the body reads may hold what was read before the look-up.
    pub(crate) fn extracts_before_lookup(&self) -> bool {
        self.inputs.any(Inputs::AHEAD)
    }

    /// The part that decides about storing a response.
    pub(crate) fn storage_rules(&self) -> StorageRules<'_> {
        StorageRules {
            statuses: &self.policy.statuses,
            vary: &self.vary,
            from_response: self.policy.timeout.response_stated(),
        }
    }

    /// Where no argument can see headers, a conditional or range request is like any other.
    pub(crate) fn sees_headers(&self) -> bool {
        self.inputs.any(Inputs::HEADERS)
    }
}

/// What the handler's body can see through an argument after the author's word on it.
///
/// A type that nothing is known of may have been made of the query, and a part of it in `key(..)`
/// need not be all that is read. On an argument in `unkeyed(..)` the response does not depend; but
/// a whole request shows its query whatever is said of it.
fn seen(role: Role, inputs: Inputs) -> Inputs {
    match role {
        Role::Keyed if inputs.any(Inputs::UNKNOWN) => inputs.and(Inputs::QUERY),
        Role::Unkeyed if !inputs.any(Inputs::REQUEST) => inputs.without(Inputs::QUERY),
        _ => inputs,
    }
}
