//! `tags("products", "product:{id}", format!("user:{}", user.id))`

use super::values::expression;
use crate::{errors::Errors, template};
use proc_macro2::TokenStream;
use syn::{LitStr, Result, Token, parse::ParseStream};

/// The tags of a route.
#[derive(Default)]
pub(crate) struct Tags {
    /// Known before the handler runs.
    pub(crate) templates: Vec<LitStr>,
    /// Of the handler's arguments.
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
        errors.note(template::check(&template));
        let text = template.value();
        if text.is_empty() {
            errors.at(template.span(), "a tag has a name");
        }
        if self.templates.iter().any(|known| known.value() == text) {
            errors.at(template.span(), format!("`{text}` is named twice"));
        }
        self.templates.push(template);
    }
}

/// A literal that is not the beginning of an expression.
pub(super) fn template_alone(input: ParseStream<'_>) -> Option<LitStr> {
    let ahead = input.fork();
    let _: LitStr = ahead.parse().ok()?;
    (ahead.is_empty() || ahead.peek(Token![,])).then(|| input.parse().ok())?
}
