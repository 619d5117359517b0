//! What the types of a handler's arguments say about what it can see.

use crate::route::seen_data::FindData;
use actix_web::{HttpRequest, http::header::HeaderName};

/// What a handler can see of a request beside its path parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Inputs(u16);

impl Inputs {
    /// Nothing but what is always in the key.
    pub const NOTHING: Self = Self(0);
    /// The whole URI: its scheme and authority join the key.
    pub const URI: Self = Self(1);
    /// `HttpRequest`.
    pub const REQUEST: Self = Self(1 << 1);
    /// Some request headers.
    pub const HEADERS: Self = Self(1 << 2);
    /// The query as it was sent, the order of its pairs included.
    pub const QUERY: Self = Self(1 << 3);
    /// The body.
    pub const BODY: Self = Self(1 << 4);
    /// Through `TrackedRequest`, which records what is read.
    pub const RECORDS: Self = Self(1 << 5);
    /// A type that nothing is known of.
    pub const UNKNOWN: Self = Self(1 << 6);

    /// Who asks, which its author has dealt with.
    pub const IDENTITY: Self = Self(1 << 7);

    /// More than can be told of one argument: such a route bypasses.
    pub const UNTOLD: Self = Self(1 << 8);

    /// Extracted before the look-up, and may hold what was read elsewhere: what another process
    /// invalidates in between does not show.
    pub const AHEAD: Self = Self(1 << 9);

    /// The order of the pairs that its `Query<T>` reads.
    pub const ORDER: Self = Self(1 << 10);

    /// All of these but `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `other` is among them.
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The names of the fields of a query type, where it is a plain struct.
pub(crate) type Fields = Option<&'static [&'static str]>;

/// Reads the values of path parameters, given by name and text, as an argument's type does: the one
/// text of a value, or `None` where the text that was sent is the value.
pub(crate) type ReadPath = fn(&[(&str, &str)]) -> Vec<Option<String>>;

/// Tells of a request whether an error handler of the application, which is given the whole request,
/// makes the error of an argument.
pub(crate) type IsRefused = fn(&HttpRequest) -> bool;

/// What one argument's type says.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ArgumentInfo {
    /// What can be seen through it.
    pub inputs: Inputs,
    /// The header that it is the value of.
    pub header: Option<fn() -> HeaderName>,
    /// The fields that it takes from the query.
    pub query: Option<fn() -> Fields>,
    /// The same, also where a pair of another name is refused.
    pub(crate) taken_by_name: Option<fn() -> Fields>,
    /// Extracted without the flag of a live answer, where its type takes pairs by name.
    pub(crate) without_flag: bool,
    /// Finds the `Data<T>` that it holds.
    pub(crate) data: Option<FindData>,
    /// Reads the values of the path's parameters.
    pub(crate) path: Option<ReadPath>,
    /// Asks for the error of its extraction.
    pub(crate) refused: Option<IsRefused>,
    /// The handler is shown that error.
    pub(crate) shows_error: bool,
}

impl ArgumentInfo {
    /// Shows nothing that is not in the key.
    pub const NOTHING: Self = Self::from_inputs(Inputs::NOTHING);
    /// A type that its author covers: it may depend on the whole query.
    pub const NEUTRAL: Self = Self::from_inputs(Inputs::QUERY);
    /// A type that nothing is known of.
    pub const UNKNOWN: Self =
        Self::from_inputs(Inputs::UNKNOWN.and(Inputs::HEADERS).and(Inputs::AHEAD));
    /// `HttpRequest`.
    pub const REQUEST: Self =
        Self::from_inputs(Inputs::REQUEST.and(Inputs::HEADERS).and(Inputs::QUERY));
    /// `Uri`.
    pub const URI: Self = Self::from_inputs(Inputs::URI.and(Inputs::QUERY));
    /// An extractor that reads the body.
    pub const BODY: Self = Self::from_inputs(Inputs::BODY);
    /// The recording `TrackedRequest`.
    pub const RECORDS: Self = Self::from_inputs(Inputs::RECORDS.and(Inputs::HEADERS));

    /// The same of an argument that is extracted only when the handler runs.
    #[must_use]
    pub const fn lazily(mut self) -> Self {
        self.inputs = self.inputs.without(Inputs::AHEAD);
        self
    }

    /// The same of an argument that the handler extracts by itself, the flag of a live answer included.
    #[must_use]
    pub(crate) const fn with_flag(mut self) -> Self {
        self.taken_by_name = None;
        self
    }

    /// The same of an argument that shows why it could not be extracted: an error speaks of the first
    /// pair that is wrong.
    #[must_use]
    pub const fn with_error(mut self) -> Self {
        self.shows_error = true;
        if self.query.is_some() {
            self.inputs = self.inputs.and(Inputs::ORDER);
        }
        self
    }

    /// An argument through which `sees` can be seen.
    pub const fn from_inputs(inputs: Inputs) -> Self {
        Self {
            inputs,
            header: None,
            query: None,
            taken_by_name: None,
            without_flag: false,
            data: None,
            path: None,
            refused: None,
            shows_error: false,
        }
    }

    /// The same of an argument whose error is made as `refused` tells; of one that is made of parts
    /// this asks all of them.
    #[must_use]
    pub(crate) const fn refused_as(mut self, refused: IsRefused) -> Self {
        self.refused = Some(refused);
        self
    }

    /// One `Data<T>`: it shows nothing of the request, and there may be several of its type.
    pub(crate) const fn data(find: FindData) -> Self {
        Self {
            data: Some(find),
            ..Self::NOTHING
        }
    }

    /// The same of an argument whose parts may hold several `Data<T>`, all of which `find` finds.
    #[must_use]
    pub(crate) const fn finding(mut self, find: FindData) -> Self {
        if self.data.is_some() {
            self.data = Some(find);
        }
        self
    }

    /// The parameters of a path.
    pub(crate) const fn path(read: ReadPath) -> Self {
        Self {
            path: Some(read),
            ..Self::NOTHING
        }
    }

    /// The value of one header.
    pub const fn header(name: fn() -> HeaderName) -> Self {
        Self {
            header: Some(name),
            ..Self::from_inputs(Inputs::HEADERS)
        }
    }

    /// The fields of a query.
    pub const fn query(fields: fn() -> Fields) -> Self {
        Self {
            query: Some(fields),
            ..Self::NOTHING
        }
    }

    /// The same of a query type that `names` also speaks of where it refuses other names.
    #[must_use]
    pub(crate) const fn taking_by_name(mut self, names: fn() -> Fields) -> Self {
        self.taken_by_name = Some(names);
        self
    }

    /// The same of an argument that is extracted without the flag of a live answer.
    #[must_use]
    pub const fn without_flag(mut self) -> Self {
        self.without_flag = true;
        self
    }

    /// The names of the pairs among which the flag of a live answer can be seen.
    pub(crate) fn shown(&self) -> Option<fn() -> Fields> {
        match self.taken_by_name {
            Some(names) if self.without_flag => Some(names),
            _ => self.query,
        }
    }

    /// Whether the key tells what would be extracted: where a response is stored under it, the
    /// extractor has succeeded with just this.
    pub(crate) fn are_told_by_key(&self) -> bool {
        self.inputs.without(Inputs::ORDER) == Inputs::NOTHING && self.header.is_none()
    }

    /// Those of an argument made of two parts. Two headers in one argument are more than can be told;
    /// of two queries it may see everything; of two `Data<T>` see [`finding`](Self::finding), of two
    /// errors [`refused_as`](Self::refused_as).
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        let mut inputs = self.inputs.and(other.inputs);
        if self.header.is_some() && other.header.is_some() {
            inputs = inputs.and(Inputs::UNTOLD);
        }
        if self.query.is_some() && other.query.is_some() {
            inputs = inputs.and(Inputs::QUERY);
        }
        Self {
            inputs,
            header: first(self.header, other.header),
            query: first(self.query, other.query),
            taken_by_name: if self.query.is_some() {
                self.taken_by_name
            } else {
                other.taken_by_name
            },
            without_flag: self.without_flag && other.without_flag,
            data: first(self.data, other.data),
            path: first(self.path, other.path),
            refused: first(self.refused, other.refused),
            shows_error: self.shows_error || other.shows_error,
        }
    }
}

/// The first of two that is there.
const fn first<T: Copy>(one: Option<T>, other: Option<T>) -> Option<T> {
    match one {
        Some(_) => one,
        None => other,
    }
}

/// What the author says of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Nothing: its type is covered by the key.
    Covered,
    /// Named in `key(..)`.
    Keyed,
    /// Named in `gate(..)`: extracted before every look-up, and not readable by the body.
    Gate,
    /// Named in `unkeyed(..)`.
    Unkeyed,
}
