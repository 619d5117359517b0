//! Tags of a route, known before its handler runs, and their templates with path parameters, such as
//! `product:{id}`.
//!
//! `{id}` stands for the value of the parameter `id`; `{{` and `}}` are braces. The parameters of a route
//! are known only with a request, so that filling a template can fail.

use crate::invalidation::{registry::RESERVED, route_name};
use actix_web::HttpRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::{borrow::Cow, error::Error, fmt, net::IpAddr};

/// Most tags of a response, and of a policy.
pub(crate) const MAX_TAGS: usize = 64;

/// Longest tag in bytes.
pub(crate) const MAX_TAG_BYTES: usize = 256;

/// Reads the values of path parameters, given by name and text, as the type of an argument does: the
/// canonical text of a value, or `None` where the sent text is the value.
pub(crate) type ReadPath = fn(&[(&str, &str)]) -> Vec<Option<String>>;

/// The tags of a route, with the readers of their path parameters, and those that name it.
#[derive(Debug, Default)]
pub(crate) struct RouteTags {
    tags: Tags,
    readers: Vec<ReadPath>,
    /// The tag of its handler, which a middleware does not know.
    handler: Option<Box<str>>,
}

impl RouteTags {
    pub(crate) fn new(tags: Tags, readers: Vec<ReadPath>) -> Self {
        Self {
            tags,
            readers,
            handler: None,
        }
    }

    /// Sets the handler, by the name of its type.
    pub(crate) fn set_handler(&mut self, type_name: &str) {
        let name = route_name::of_handler(type_name);
        self.handler = Some(route_name::tag(&name).into());
    }

    /// Returns the tags that name the route of `request`.
    pub(crate) fn route(&self, request: &HttpRequest) -> impl Iterator<Item = String> + use<> {
        let handler = self.handler.as_deref().map(str::to_owned);
        let pattern = route_name::pattern_tag(request, request.uri().path());
        handler.into_iter().chain(pattern)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// Returns the tags of a response to `request`. Called only where a handler runs: it
    /// deserializes path parameters.
    pub(crate) fn of(&self, request: &HttpRequest) -> Result<Vec<String>, Untagged> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let parameters: Vec<_> = request.match_info().iter().collect();
        let mut values = vec![None; parameters.len()];
        for read in &self.readers {
            for (value, read) in values.iter_mut().zip(read(&parameters)) {
                *value = value.take().or(read);
            }
        }
        self.tags.fill(|name| {
            let at = parameters.iter().position(|(known, _)| *known == name)?;
            let text = || decoded(parameters[at].1);
            Some(values[at].as_deref().map_or_else(text, Cow::Borrowed))
        })
    }
}

/// The tag templates of a policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags(Vec<Template>);

impl Tags {
    /// Parses and adds a tag.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), TagError> {
        let template = Template::parse(text).map_err(TagError::Template)?;
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        if text.starts_with(RESERVED) {
            return Err(TagError::Reserved);
        }
        if self.0.len() == MAX_TAGS {
            return Err(TagError::TooMany);
        }
        self.0.push(template);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fills the tags with the path parameters of one request.
    pub(crate) fn fill<'a>(
        &self,
        value: impl Fn(&str) -> Option<Cow<'a, str>>,
    ) -> Result<Vec<String>, Untagged> {
        let filled = self.0.iter().map(|template| template.fill(&value));
        let filled: Vec<String> = filled
            .collect::<Result<_, _>>()
            .map_err(Untagged::Missing)?;
        if filled.iter().any(|tag| tag.len() > MAX_TAG_BYTES) {
            return Err(Untagged::TooLong);
        }
        if filled.iter().any(|tag| tag.starts_with(RESERVED)) {
            return Err(Untagged::Reserved);
        }
        Ok(filled)
    }
}

/// Returns the mistake in a tag that no response can have.
pub(crate) fn mistake(tag: &str) -> Option<&'static str> {
    if tag.is_empty() {
        Some("an empty text is not a tag: write its name, or `invalidate_all` for everything")
    } else if tag.len() > MAX_TAG_BYTES {
        Some(
            "a tag has at most 256 bytes, so no response has this one: shorten it, also where it is set",
        )
    } else if tag.starts_with(RESERVED) {
        Some(
            "a tag that begins with NUL is one that the cache gives by itself: name a route by `invalidate_route`",
        )
    } else {
        None
    }
}

/// Reason why a response cannot have the tags of its route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Untagged {
    Missing(Missing),
    TooLong,
    /// It is one that the cache gives.
    Reserved,
}

/// Reason why a text is not a tag of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TagError {
    Template(TemplateError),
    Empty,
    Reserved,
    TooMany,
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(error) => error.fmt(f),
            Self::Empty => f.write_str("a tag is empty: write its name"),
            Self::Reserved => f.write_str(
                "a tag begins with NUL, as those that the cache gives by itself: leave it out",
            ),
            Self::TooMany => write!(f, "a response has at most {MAX_TAGS} tags: leave some out"),
        }
    }
}

/// A text with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Parameter(String),
}

impl Template {
    /// Parses a template.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            literal.push_str(before);
            if brace.starts_with("{{") || brace.starts_with("}}") {
                literal.push_str(&brace[..1]);
                rest = &brace[2..];
                continue;
            }
            let (name, after) = parameter(brace)?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Parameter(name.to_owned()));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }

    /// The names of its parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Parameter(name) => Some(&**name),
            Part::Text(_) => None,
        })
    }

    /// Replaces each parameter by its `value`. Braces in a value are not parsed.
    pub(crate) fn fill<'a>(
        &self,
        value: impl Fn(&str) -> Option<Cow<'a, str>>,
    ) -> Result<String, Missing> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Parameter(name) => {
                    filled.push_str(&value(name).ok_or_else(|| Missing(name.clone()))?);
                }
            }
        }
        Ok(filled)
    }

    /// Replaces each parameter by each of its `values`.
    pub(crate) fn fill_each(
        &self,
        values: impl Fn(&str) -> Option<Vec<String>>,
    ) -> Result<Vec<String>, Missing> {
        let mut filled = vec![String::new()];
        for part in &self.0 {
            let values = match part {
                Part::Text(text) => vec![text.clone()],
                Part::Parameter(name) => values(name).ok_or_else(|| Missing(name.clone()))?,
            };
            let longer = filled
                .iter()
                .flat_map(|text| values.iter().map(move |value| [&**text, &**value].concat()));
            filled = longer.collect();
        }
        Ok(filled)
    }
}

/// Decodes the value of a path parameter as the handler's `Path<String>` has it. The router leaves
/// only `%2F`, `%2B` and `%25` encoded.
pub(crate) fn decoded(raw: &str) -> Cow<'_, str> {
    percent_decode_str(raw).decode_utf8_lossy()
}

/// Everything but unreserved characters (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Encodes the value of a path parameter for a path or a query: no value starts a query or ends one.
pub(crate) fn escaped(raw: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(raw).collect();
    percent_encode(&bytes, ENCODED).to_string()
}

/// Returns the texts that a parameter may have when it is parsed: itself, and the canonical form as a
/// number, a UUID or an address. Where the type of the parameter is unknown, all of them are
/// invalidated.
pub(crate) fn readings(raw: &str) -> Vec<String> {
    let text = decoded(raw);
    let number = |text: &str| {
        let signed = text.parse().map(|number: i128| number.to_string());
        signed.or_else(|_| text.parse().map(|number: u128| number.to_string()))
    };
    let read = [
        number(&text).ok(),
        text.parse().ok().map(|number: f64| number.to_string()),
        text.parse().ok().map(|number: f32| number.to_string()),
        uuid(&text),
        address(&text),
    ];
    let mut readings = vec![text.into_owned()];
    for reading in read.into_iter().flatten() {
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

/// Returns the canonical form of a UUID: lower case with hyphens (RFC 9562 §4).
pub(crate) fn uuid(text: &str) -> Option<String> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let bare = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let braced = bare
        .strip_prefix('{')
        .and_then(|bare| bare.strip_suffix('}'));
    let digits = braced.unwrap_or(bare).to_ascii_lowercase();
    let lengths = || digits.split('-').map(str::len);
    let is_hyphenated = lengths().eq(GROUPS);
    if !is_hyphenated && !lengths().eq([32]) {
        return None;
    }
    let mut digits = digits.chars().filter(|digit| *digit != '-');
    let mut uuid = String::with_capacity(36);
    for (at, length) in GROUPS.into_iter().enumerate() {
        if at > 0 {
            uuid.push('-');
        }
        for _ in 0..length {
            uuid.push(digits.next().filter(char::is_ascii_hexdigit)?);
        }
    }
    Some(uuid)
}

/// Returns the canonical form of an IP address.
pub(crate) fn address(text: &str) -> Option<String> {
    text.parse().ok().map(|address: IpAddr| address.to_string())
}

/// Parses the parameter at the start of `text`. Returns its name and the rest.
fn parameter(text: &str) -> Result<(&str, &str), TemplateError> {
    let inside = text.strip_prefix('{').ok_or(TemplateError::Stray)?;
    let end = inside.find(['{', '}']).ok_or(TemplateError::Unclosed)?;
    let (name, brace) = inside.split_at(end);
    let after = brace.strip_prefix('}').ok_or(TemplateError::Unclosed)?;
    if name.is_empty() {
        return Err(TemplateError::Unnamed);
    }
    match name.split_once(':') {
        Some((name, _)) => Err(TemplateError::Pattern(name.to_owned())),
        None => Ok((name, after)),
    }
}

/// Reason why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// `{id`
    Unclosed,
    /// `id}`
    Stray,
    /// `{}`
    Unnamed,
    /// `{id:\d+}`: the pattern belongs to the route.
    Pattern(String),
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed => f.write_str(
                "a `{` is not closed: write `{id}` for a path parameter, `{{` for a brace",
            ),
            Self::Stray => f.write_str("a `}` closes nothing: write `}}` for a brace"),
            Self::Unnamed => f.write_str(
                "`{}` names nothing: write `{id}` for the path parameter `id`, `{{}}` for braces",
            ),
            Self::Pattern(name) => {
                write!(
                    f,
                    "the pattern of a parameter belongs to the route: write `{{{name}}}`"
                )
            }
        }
    }
}

impl Error for TemplateError {}

/// A parameter of a template that the route does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the route has no path parameter `{}`", self.0)
    }
}

impl Error for Missing {}

#[cfg(test)]
mod tests;
