//! Tags of a route, known before its handler runs.

use crate::invalidation::{
    route_name,
    template::{Missing, Template, TemplateError, decoded},
};
use actix_web::HttpRequest;
use std::{borrow::Cow, fmt};

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
    } else {
        None
    }
}

/// Reason why a response cannot have the tags of its route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Untagged {
    Missing(Missing),
    TooLong,
}

/// Reason why a text is not a tag of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TagError {
    Template(TemplateError),
    Empty,
    TooMany,
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(error) => error.fmt(f),
            Self::Empty => f.write_str("a tag is empty: write its name"),
            Self::TooMany => write!(f, "a response has at most {MAX_TAGS} tags: leave some out"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{dev::ResourceDef, http::Uri, test::TestRequest};
    use proptest::prelude::*;

    fn tags(texts: &[&str]) -> Tags {
        let mut tags = Tags::default();
        for text in texts {
            tags.add(text).unwrap();
        }
        tags
    }

    #[test]
    fn a_parameter_is_filled_in_as_the_handler_reads_it() {
        let filled = tags(&["products", "product:{id}"]).fill(|name| {
            assert_eq!(name, "id");
            Some(decoded("a%2Fb%25"))
        });
        assert_eq!(filled.unwrap(), ["products", "product:a/b%"]);
    }

    #[test]
    fn a_parameter_that_the_route_lacks_is_named() {
        let filled =
            tags(&["{id}", "{name}"]).fill(|name| (name == "id").then_some(Cow::Borrowed("7")));
        assert_eq!(filled, Err(Untagged::Missing(Missing("name".into()))));
    }

    #[test]
    fn a_tag_has_at_most_256_bytes() {
        let (long, too_long) = ("x".repeat(MAX_TAG_BYTES), "x".repeat(MAX_TAG_BYTES + 1));
        assert_eq!(
            tags(&["{id}"])
                .fill(|_| Some(Cow::Borrowed(&*long)))
                .unwrap(),
            [&*long]
        );
        let filled = tags(&["{id}"]).fill(|_| Some(Cow::Borrowed(&*too_long)));
        assert_eq!(filled, Err(Untagged::TooLong));
    }

    #[test]
    fn an_invalid_tag_is_rejected() {
        let mut tags = tags(&["{id}"; MAX_TAGS]);
        assert_eq!(tags.add("one more"), Err(TagError::TooMany));
        assert_eq!(Tags::default().add(""), Err(TagError::Empty));
        assert!(matches!(
            Tags::default().add("product:{id"),
            Err(TagError::Template(TemplateError::Unclosed))
        ));
    }

    proptest! {
        #[test]
        fn any_parameter_is_filled_in_as_the_handler_reads_it(
            segment in "([a-z%/+é ]|%2[0-9A-F]|%C3%A9|%FF){1,12}",
        ) {
            let Ok(uri) = format!("/{segment}").parse::<Uri>() else {
                return Ok(());
            };
            let request = TestRequest::with_uri(&uri.to_string()).to_http_request();
            let mut info = request.match_info().clone();
            ResourceDef::new("/{id:.*}").capture_match_info(&mut info);
            let raw = info.get("id").unwrap();
            let seen: String = info.load().unwrap();
            let filled = tags(&["{id}"]).fill(|_| Some(decoded(raw))).unwrap();
            prop_assert_eq!(filled, [seen]);
        }
    }
}
