//! Inputs of a handler: the parts of a request that its arguments can read.

use crate::{invalidation::tags::ReadPath, route::FindData};
use actix_web::{HttpRequest, http::header::HeaderName};

/// Inputs of a handler besides its path parameters, as bit flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Inputs(u16);

impl Inputs {
    /// Only what is always in the key.
    pub const NOTHING: Self = Self(0);
    /// The whole URI: its scheme and authority join the key.
    pub const URI: Self = Self(1);
    /// `HttpRequest`.
    pub const REQUEST: Self = Self(1 << 1);
    /// Some request headers.
    pub const HEADERS: Self = Self(1 << 2);
    /// The raw query, including the order of its pairs.
    pub const QUERY: Self = Self(1 << 3);
    /// The body.
    pub const BODY: Self = Self(1 << 4);
    /// `TrackedRequest`, which records its reads.
    pub const RECORDS: Self = Self(1 << 5);
    /// An unknown type.
    pub const UNKNOWN: Self = Self(1 << 6);

    /// The identity of the user, which the author has dealt with.
    pub const IDENTITY: Self = Self(1 << 7);

    /// More than one argument can declare: such a route bypasses.
    pub const UNDECLARABLE: Self = Self(1 << 8);

    /// Extracted before the look-up, with data that another process may invalidate in between.
    pub const EAGER: Self = Self(1 << 9);

    /// The order of the pairs of its `Query<T>`.
    pub const ORDER: Self = Self(1 << 10);

    /// Returns these without `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if any of `other` is among them.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The field names of a query type that is a plain struct.
pub(crate) type Fields = Option<&'static [&'static str]>;

/// Returns true where an error handler of the application, which receives the whole request, makes
/// the extraction error of an argument.
pub(crate) type IsRefused = fn(&HttpRequest) -> bool;

/// Properties of the type of an argument.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ArgumentInfo {
    /// Its inputs.
    pub inputs: Inputs,
    /// The header that it contains.
    pub header: Option<fn() -> HeaderName>,
    /// The query fields that it contains.
    pub query: Option<fn() -> Fields>,
    /// The same, also for a type that rejects pairs of other names.
    pub(crate) taken_by_name: Option<fn() -> Fields>,
    /// Extracted from a query without the refresh flag, where its type reads pairs by name.
    pub(crate) without_flag: bool,
    /// Finds the `Data<T>` values in it.
    pub(crate) data: Option<FindData>,
    /// Reads the values of path parameters.
    pub(crate) path: Option<ReadPath>,
    /// Checks for an error of its extraction.
    pub(crate) refused: Option<IsRefused>,
    /// The handler receives that error.
    pub(crate) shows_error: bool,
}

impl ArgumentInfo {
    /// No input outside the key.
    pub const NOTHING: Self = Self::from_inputs(Inputs::NOTHING);
    /// A type that its author declares covered: it may depend on the whole query.
    pub const NEUTRAL: Self = Self::from_inputs(Inputs::QUERY);
    /// An unknown type.
    pub const UNKNOWN: Self =
        Self::from_inputs(Inputs::UNKNOWN.union(Inputs::HEADERS).union(Inputs::EAGER));
    /// `HttpRequest`.
    pub const REQUEST: Self =
        Self::from_inputs(Inputs::REQUEST.union(Inputs::HEADERS).union(Inputs::QUERY));
    /// `Uri`.
    pub const URI: Self = Self::from_inputs(Inputs::URI.union(Inputs::QUERY));
    /// An extractor that reads the body.
    pub const BODY: Self = Self::from_inputs(Inputs::BODY);
    /// `TrackedRequest`.
    pub const RECORDS: Self = Self::from_inputs(Inputs::RECORDS.union(Inputs::HEADERS));

    /// Returns the properties of an argument that is extracted only when the handler runs.
    #[must_use]
    pub const fn lazily(mut self) -> Self {
        self.inputs = self.inputs.difference(Inputs::EAGER);
        self
    }

    /// The facts of an argument that the handler extracts itself, so that it sees the refresh flag.
    #[must_use]
    pub(crate) const fn with_flag(mut self) -> Self {
        self.taken_by_name = None;
        self
    }

    /// Returns the properties of an argument that contains its extraction error, which names the first
    /// invalid pair.
    #[must_use]
    pub const fn with_error(mut self) -> Self {
        self.shows_error = true;
        if self.query.is_some() {
            self.inputs = self.inputs.union(Inputs::ORDER);
        }
        self
    }

    /// An argument with these inputs.
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

    /// Sets the check for an extraction error; for an argument of several parts it checks all.
    #[must_use]
    pub(crate) const fn refused_as(mut self, refused: IsRefused) -> Self {
        self.refused = Some(refused);
        self
    }

    /// One `Data<T>`: no input of the request.
    pub(crate) const fn data(find: FindData) -> Self {
        Self {
            data: Some(find),
            ..Self::NOTHING
        }
    }

    /// Sets the finder of an argument whose parts may contain several `Data<T>`.
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

    /// Sets the names of a query type that may reject other names.
    #[must_use]
    pub(crate) const fn taking_by_name(mut self, names: fn() -> Fields) -> Self {
        self.taken_by_name = Some(names);
        self
    }

    /// Marks an argument that is extracted without the refresh flag.
    #[must_use]
    pub const fn without_flag(mut self) -> Self {
        self.without_flag = true;
        self
    }

    /// The names of the pairs among which the refresh flag is visible.
    pub(crate) fn shown(&self) -> Option<fn() -> Fields> {
        match self.taken_by_name {
            Some(names) if self.without_flag => Some(names),
            _ => self.query,
        }
    }

    /// Returns true where the key determines the extracted value: for a stored response the extractor
    /// has succeeded with this input.
    pub(crate) fn is_determined_by_key(&self) -> bool {
        self.inputs.difference(Inputs::ORDER) == Inputs::NOTHING && self.header.is_none()
    }

    /// Combines the properties of two parts of an argument. Two headers are undeclarable; with two
    /// queries the whole query is an input; for two `Data<T>` see [`finding`](Self::finding), for two
    /// errors [`refused_as`](Self::refused_as).
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        let mut inputs = self.inputs.union(other.inputs);
        if self.header.is_some() && other.header.is_some() {
            inputs = inputs.union(Inputs::UNDECLARABLE);
        }
        if self.query.is_some() && other.query.is_some() {
            inputs = inputs.union(Inputs::QUERY);
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

/// Returns the first of two that is set.
const fn first<T: Copy>(one: Option<T>, other: Option<T>) -> Option<T> {
    match one {
        Some(_) => one,
        None => other,
    }
}

/// Role of an argument, declared by the author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// None declared: its type is covered by the key.
    Covered,
    /// Named in `key(..)`.
    Keyed,
    /// Named in `gate(..)`: extracted before every look-up, and not readable by the body.
    Gate,
    /// Named in `unkeyed(..)`.
    Unkeyed,
}
