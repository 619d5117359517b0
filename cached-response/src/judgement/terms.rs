//! The terms of a route: its policy together with what its handler can see.

use super::{
    closed::Closed,
    facts::{Facts, Fields, Role, Sees},
    policy::Policy,
    query::Names,
    reason::Bypass,
    seen_data::FindData,
};
use actix_web::http::{
    Method,
    header::{self, HeaderMap, HeaderName},
};
use std::borrow::Cow;

/// Everything that decides about one handler's requests and responses, made once.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that hold or do not, each for itself"
)]
pub(crate) struct Terms {
    pub(crate) policy: Policy,
    /// What the handler's body can see, gates left out.
    pub(crate) sees: Sees,
    /// The headers in the key: those of `vary(..)` and of `Header<H>` arguments.
    pub(crate) vary: Vec<HeaderName>,
    /// Its author has dealt with identity: an uncovered argument is in `key(..)` or `gate(..)`,
    /// or `vary(..)` names `Authorization`.
    pub(crate) identity: bool,
    /// The query fields that `query = typed` keeps.
    pub(crate) fields: Fields,
    /// The flag of a live answer, where the handler cannot see it: left out of the key.
    pub(crate) hidden_flag: Option<Box<str>>,
    queries: Vec<Fields>,
    /// The `Data<T>` that the handler is given, which is not the same in each scope or app.
    pub(crate) data: Vec<FindData>,
    /// Whether the body is in the key, as bytes or through `key(..)`.
    pub(crate) body: bool,
    /// An `HttpRequest` without a word on what it reads, or an argument of which not everything can
    /// be told: nothing is looked up.
    pub(crate) undeclared: bool,
    /// Nothing is seen of the handlers, which may see everything.
    pub(crate) closed: Option<Closed>,
    /// Every GET and HEAD without a body is looked up, whatever it says. Known beforehand, since it
    /// is so for most routes and what it follows from lies far apart.
    pub(crate) every_get: bool,
    plain: bool,
}

impl Terms {
    pub(crate) fn new(policy: Policy, arguments: &[(Role, Facts)]) -> Self {
        let mut terms = Self {
            sees: Sees::NOTHING,
            vary: policy.vary.clone().unwrap_or_default(),
            identity: false,
            fields: None,
            hidden_flag: None,
            queries: Vec::new(),
            data: Vec::new(),
            body: false,
            undeclared: false,
            closed: None,
            every_get: false,
            plain: false,
            policy,
        };
        for (role, facts) in arguments {
            terms.add(*role, facts);
        }
        terms.identity |= terms.vary.contains(&header::AUTHORIZATION);
        terms.undeclared = terms.sees.any(Sees::UNTOLD)
            || (terms.sees.any(Sees::REQUEST) && terms.policy.vary.is_none());
        let flag = terms.policy.nocache.name.clone();
        terms.hidden_flag = flag.filter(|flag| !terms.sees_flag(flag));
        if terms.policy.typed && matches!(terms.policy.names, Names::All) {
            terms.fields = match *terms.queries {
                [fields] => fields,
                _ => None,
            };
        }
        terms.every_get = terms.look_up_every_get();
        terms.plain = terms.vary.is_empty() && !terms.sees.any(Sees::URI.and(Sees::REQUEST));
        terms
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
            && !self.sees.any(Sees::REQUEST)
            && (self.hidden_flag.is_some() || nocache.name.is_none())
            && !respect_client
            && unless.is_none()
    }

    /// The terms of a door in front of handlers that nothing is known of.
    pub(crate) fn closed(place: &'static str, mut policy: Policy) -> Self {
        policy.vary.get_or_insert_default();
        let mut terms = Self::new(policy, &[(Role::Covered, Facts::REQUEST)]);
        let Policy {
            neutral, cookies, ..
        } = &terms.policy;
        terms.closed = Some(Closed::new(place, &terms.vary, neutral, cookies));
        terms.every_get = false;
        terms
    }

    /// The word for a bypass, with the name of what it is about: `header:x-api-key`.
    pub(crate) fn word(&self, why: Bypass, headers: &HeaderMap) -> Cow<'static, str> {
        let objection = match &self.closed {
            Some(closed) if matches!(why, Bypass::Cookie | Bypass::Header) => {
                closed.objection(headers)
            }
            _ => None,
        };
        objection.map_or_else(|| Cow::Borrowed(why.word()), |objection| objection.word())
    }

    fn add(&mut self, role: Role, facts: &Facts) {
        let uncovered = facts.sees.any(Sees::UNKNOWN);
        if facts.sees.any(Sees::IDENTITY) || (matches!(role, Role::Keyed | Role::Gate) && uncovered)
        {
            self.identity = true;
        }
        if role == Role::Gate {
            return;
        }
        // A type that is covered by its author's word shows nothing that is not in the key.
        if !(role == Role::Covered && uncovered) {
            self.sees = self.sees.and(facts.sees);
        }
        self.body |= role == Role::Keyed && facts.sees.any(Sees::BODY);
        if role == Role::Unkeyed {
            return;
        }
        self.data.extend(facts.data);
        if let Some(name) = facts.header {
            self.vary.push(name());
        }
        if let Some(fields) = facts.query {
            self.queries.push(fields());
        }
    }

    /// Whether the handler could tell `?nocache=1` from a request without it.
    fn sees_flag(&self, flag: &str) -> bool {
        self.sees.any(Sees::QUERY)
            || self
                .queries
                .iter()
                .any(|fields| fields.is_none_or(|fields| fields.contains(&flag)))
    }

    /// Whether nothing but path and query is in the key of a request without a body, but for the
    /// parts that arguments and middlewares add.
    pub(crate) fn are_plain(&self) -> bool {
        self.plain
    }

    /// Whether an argument that the body reads may hold what was read before the look-up.
    pub(crate) fn are_ahead(&self) -> bool {
        self.sees.any(Sees::AHEAD)
    }

    /// Where no argument can see headers, a conditional or range request is like any other.
    pub(crate) fn sees_headers(&self) -> bool {
        self.sees.any(Sees::HEADERS)
    }
}
