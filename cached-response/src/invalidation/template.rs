//! Texts with the route's path parameters in them: `product:{id}`.
//!
//! `{id}` stands for the value of the parameter `id`; `{{` and `}}` are braces. Whether a route has
//! the parameter is known only when a request is there, so that filling a template can fail.

use std::{borrow::Cow, error::Error, fmt};

/// A text with parameters in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Parameter(String),
}

impl Template {
    /// Reads a template as it is written.
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

    /// The text with each parameter replaced by what `value` gives for its name.
    ///
    /// What is filled in is not read again: a brace in a value is a brace.
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
}

impl Template {
    /// The texts with each parameter replaced by each of what `values` gives for its name.
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

/// The name in the braces that `text` begins with, and what follows them.
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

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// `{id`
    Unclosed,
    /// `id}`
    Stray,
    /// `{}`
    Unnamed,
    /// `{id:\d+}`, which is the route's to say.
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
                    "what a parameter matches is said by the route: write `{{{name}}}`"
                )
            }
        }
    }
}

impl Error for TemplateError {}

/// The parameter of a template that there is no value for.
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
