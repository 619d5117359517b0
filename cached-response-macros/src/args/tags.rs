//! `tags("products", "product:{id}")`

use crate::{errors::Errors, template};
use syn::{LitStr, Result, Token, parse::ParseStream};

/// The tags of a route.
#[derive(Default)]
pub(crate) struct Tags {
    /// Known before the handler runs.
    pub(crate) templates: Vec<LitStr>,
}

impl Tags {
    pub(super) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> Result<Self> {
        let mut tags = Self::default();
        while !input.is_empty() {
            if input.peek(Token![,]) {
                return Err(input.error("expected a tag"));
            }
            tags.add(input.parse()?, errors);
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
