//! The tags of a route: names to invalidate many responses by, known before they are made.

use crate::invalidation::template::{Missing, Template, TemplateError};
use std::{borrow::Cow, fmt};

/// So many tags a response may have, and so many a policy.
pub(crate) const MOST: usize = 64;

/// So many bytes a tag may have.
pub(crate) const LONGEST: usize = 256;

/// The tags that a route gives to all of its responses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags(Vec<Template>);

impl Tags {
    /// Adds a tag as it is written.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), TagError> {
        let template = Template::parse(text).map_err(TagError::Template)?;
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        if self.0.len() == MOST {
            return Err(TagError::TooMany);
        }
        self.0.push(template);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tags of one request, the values of whose path parameters `value` gives.
    pub(crate) fn fill<'a>(
        &self,
        value: impl Fn(&str) -> Option<Cow<'a, str>>,
    ) -> Result<Vec<String>, Untagged> {
        let filled = self.0.iter().map(|template| template.fill(&value));
        let filled: Vec<String> = filled
            .collect::<Result<_, _>>()
            .map_err(Untagged::Missing)?;
        if filled.iter().any(|tag| tag.len() > LONGEST) {
            return Err(Untagged::TooLong);
        }
        Ok(filled)
    }
}

/// The mistake in a text that is to name a tag, if no response can have it.
pub(crate) fn mistake(tag: &str) -> Option<&'static str> {
    if tag.is_empty() {
        Some("an empty text is no tag: write its name, or `invalidate_all` for everything")
    } else if tag.len() > LONGEST {
        Some(
            "a tag has 256 bytes at most, so no response has this one: give it a shorter name where it is set, too",
        )
    } else {
        None
    }
}

/// Why a response cannot have the tags of its route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Untagged {
    Missing(Missing),
    TooLong,
}

/// Why a text is no tag of a route.
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
            Self::Empty => f.write_str("a tag has a name"),
            Self::TooMany => write!(f, "a response has {MOST} tags at most"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::parameter::decoded;
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
    fn a_parameter_is_filled_in_as_a_handler_would_see_it() {
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
    fn a_tag_has_256_bytes_at_most() {
        let (long, too_long) = ("x".repeat(LONGEST), "x".repeat(LONGEST + 1));
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
    fn what_is_no_tag_of_a_route_is_refused() {
        let mut tags = tags(&["{id}"; MOST]);
        assert_eq!(tags.add("one more"), Err(TagError::TooMany));
        assert_eq!(Tags::default().add(""), Err(TagError::Empty));
        assert!(matches!(
            Tags::default().add("product:{id"),
            Err(TagError::Template(TemplateError::Unclosed))
        ));
    }

    proptest! {
        #[test]
        fn any_parameter_is_filled_in_as_a_handler_would_see_it(
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
