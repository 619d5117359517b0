//! Tags, and templates with path parameters: `product:{id}`. The runtime fills in the parameters.

use super::values::expression;
use crate::diagnostics::Errors;
use proc_macro2::TokenStream;
use syn::{Error, LitStr, Result, Token, parse::ParseStream};

/// The tags of a route: `tags("products", "product:{id}", format!("user:{}", user.id))`.
#[derive(Default)]
pub(crate) struct Tags {
    /// Known before the handler runs.
    pub(crate) templates: Vec<LitStr>,
    /// Evaluated with the handler's arguments.
    pub(crate) expressions: Vec<TokenStream>,
}

impl Tags {
    pub(super) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> Result<Self> {
        let mut tags = Self::default();
        while !input.is_empty() {
            if input.peek(Token![,]) {
                return Err(input.error("expected a tag"));
            }
            match template_alone(input) {
                Some(template) => tags.add(template, errors),
                None => tags.expressions.push(expression(input)?),
            }
            if !input.is_empty() {
                let _: Token![,] = input.parse()?;
            }
        }
        Ok(tags)
    }

    fn add(&mut self, template: LitStr, errors: &mut Errors) {
        errors.record(check_template(&template));
        let text = template.value();
        if text.is_empty() {
            errors.at(template.span(), EMPTY_TAG);
        }
        if self.templates.iter().any(|known| known.value() == text) {
            errors.at(template.span(), format!("`{text}` is named twice"));
        }
        self.templates.push(template);
    }
}

/// The error for the tag `""`.
pub(super) const EMPTY_TAG: &str = "a tag is not empty: write a name such as `\"products\"`";

/// Parses a string literal that is not the beginning of an expression.
pub(super) fn template_alone(input: ParseStream<'_>) -> Option<LitStr> {
    let ahead = input.fork();
    let _: LitStr = ahead.parse().ok()?;
    (ahead.is_empty() || ahead.peek(Token![,])).then(|| input.parse().ok())?
}

/// Checks that each brace of a template belongs to a parameter or is doubled.
pub(super) fn check_template(literal: &LitStr) -> Result<()> {
    let text = literal.value();
    let mut rest = &*text;
    while let Some(at) = rest.find(['{', '}']) {
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            rest = &brace[2..];
        } else {
            rest = after_parameter(brace).map_err(|fix| Error::new(literal.span(), fix))?;
        }
    }
    Ok(())
}

/// Returns the text after the parameter at its beginning, or the error message.
fn after_parameter(text: &str) -> std::result::Result<&str, String> {
    const UNCLOSED: &str =
        "unclosed `{`: write `{id}` for the path parameter `id`, `{{` for a brace";
    let Some(inside) = text.strip_prefix('{') else {
        return Err("unmatched `}`: write `}}` for a brace".to_owned());
    };
    let end = inside.find(['{', '}']).ok_or(UNCLOSED)?;
    let (name, brace) = inside.split_at(end);
    let after = brace.strip_prefix('}').ok_or(UNCLOSED)?;
    if name.is_empty() {
        return Err(
            "`{}` names no parameter: write `{id}` for the path parameter `id`, `{{}}` for braces"
                .to_owned(),
        );
    }
    match name.split_once(':') {
        Some((name, _)) => Err(format!(
            "the pattern of a parameter belongs in the route: write `{{{name}}}`"
        )),
        None => Ok(after),
    }
}

#[cfg(test)]
mod tests {
    use super::check_template;
    use syn::parse_quote;

    #[test]
    fn braces_are_those_of_parameters_or_doubled() {
        check_template(&parse_quote!("products")).unwrap();
        check_template(&parse_quote!("product:{id}/{name}")).unwrap();
        check_template(&parse_quote!("{{product}}:{id}")).unwrap();
    }

    #[test]
    fn the_error_for_any_other_brace_has_the_correction() {
        let message = |literal| check_template(&literal).unwrap_err().to_string();
        assert!(message(parse_quote!("product:{id")).contains("write `{id}`"));
        assert!(message(parse_quote!("product:{i{d}")).contains("write `{id}`"));
        assert!(message(parse_quote!("product:id}")).contains("write `}}`"));
        assert!(message(parse_quote!("product:{}")).contains("names no parameter"));
        assert!(message(parse_quote!("product:{id:\\d+}")).contains("write `{id}`"));
    }
}
