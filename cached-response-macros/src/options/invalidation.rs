//! The options of `#[invalidates]`: the targets of the invalidation.

use super::{
    parser::{self, OptionSet},
    table::{CACHE_OPTION, CRATE_OPTION, Form, OptionTable, TAGS_OPTION, option},
    templates::{EMPTY_TAG, check_template, template_alone},
    values,
};
use crate::diagnostics::Errors;
use proc_macro2::{Span, TokenStream};
use syn::{
    Error, Ident, LitStr, Path, Result, Token,
    parse::{Parse, ParseStream},
};

/// The options of `#[invalidates]`.
#[derive(Default)]
pub(crate) struct InvalidatesOptions {
    pub(crate) targets: Vec<Target>,
    pub(crate) cache: Option<TokenStream>,
    pub(crate) krate: Option<Path>,
    /// Given where all other attributes have been expanded.
    pub(crate) innermost: Option<LitStr>,
}

/// A target of the invalidation.
pub(crate) struct Target {
    /// `tags`, `path`, `url`, `prefix`, `route` or `all`.
    pub(crate) option: Ident,
    pub(crate) name: TargetName,
}

/// The name of a target.
pub(crate) enum TargetName {
    All,
    /// A string literal, with path parameters.
    Template(LitStr),
    Expression(TokenStream),
}

pub(super) const INVALIDATES: OptionTable = OptionTable {
    options: &[
        TAGS_OPTION,
        option("path", Form::List, "path(\"/products/{id}\")", &["paths"]),
        option(
            "url",
            Form::List,
            "url(\"/products?page=1\")",
            &["urls", "uri", "uris", "query"],
        ),
        option(
            "prefix",
            Form::List,
            "prefix(\"/products\")",
            &["prefixes", "below", "under"],
        ),
        option(
            "route",
            Form::List,
            "route(list)",
            &["routes", "handler", "handlers", "pattern"],
        ),
        option(
            "all",
            Form::Alone,
            "all",
            &["everything", "clear", "flush", "purge"],
        ),
        CACHE_OPTION,
        CRATE_OPTION,
    ],
    ambiguous: &[],
    elsewhere: &[],
};

impl Parse for InvalidatesOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut errors = Errors::default();
        let mut options = Self {
            innermost: parser::innermost(input)?,
            ..Self::default()
        };
        parser::parse(&mut options, input, &mut errors)?;
        if errors.is_empty() {
            check_targets(&options.targets, &mut errors);
        }
        errors.finish(options)
    }
}

impl OptionSet for InvalidatesOptions {
    const TABLE: OptionTable = INVALIDATES;
    const EXPECTED: &'static str = "expected a target: write `path(\"/products/{id}\")`";

    fn alone(&mut self, name: &Ident) -> Result<()> {
        if name != "all" {
            return Err(INVALIDATES.missing_value(name));
        }
        self.targets.push(Target {
            option: name.clone(),
            name: TargetName::All,
        });
        Ok(())
    }

    fn value(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        match name.to_string().as_str() {
            "cache" => self.cache = Some(values::expression(input)?),
            "crate" => self.krate = Some(input.call(Path::parse_mod_style)?),
            _ => unreachable!("`{name} = value` is in the table"),
        }
        Ok(())
    }

    /// A string literal is a template; anything else is an expression.
    fn list(&mut self, option: &Ident, list: ParseStream<'_>, errors: &mut Errors) -> Result<()> {
        while !list.is_empty() {
            if list.peek(Token![,]) {
                return Err(list.error("expected the name of a target"));
            }
            let name = if let Some(text) = template_alone(list) {
                errors.record(check_template_of(option, &text));
                TargetName::Template(text)
            } else {
                TargetName::Expression(values::expression(list)?)
            };
            self.targets.push(Target {
                option: option.clone(),
                name,
            });
            if !list.is_empty() {
                let _: Token![,] = list.parse()?;
            }
        }
        Ok(())
    }
}

fn check_targets(targets: &[Target], errors: &mut Errors) {
    let all = targets.iter().find(|target| target.option == "all");
    if targets.is_empty() {
        errors.at(
            Span::call_site(),
            "no target is named: write `#[invalidates(tags(\"product:{id}\"))]`, `path(\"/products/{id}\")`, or `all` for everything",
        );
    } else if let Some(all) = all
        && targets.len() > 1
    {
        errors.at(
            all.option.span(),
            "`all` includes every other target: remove `all`, or the others",
        );
    }
}

/// Checks a template that `option` takes.
fn check_template_of(option: &Ident, text: &LitStr) -> Result<()> {
    let value = text.value();
    // The braces of a pattern are its own.
    if option == "route" {
        let mistake = target_error(&value);
        return mistake.map_or(Ok(()), |mistake| Err(Error::new(text.span(), mistake)));
    }
    check_template(text)?;
    let mistake = match option.to_string().as_str() {
        "tags" => value.is_empty().then(|| EMPTY_TAG.to_owned()),
        "path" => target_error(&value).or_else(|| query_error(&value)),
        "prefix" => target_error(&value).or_else(|| prefix_error(&value)),
        _ => target_error(&value),
    };
    mistake.map_or(Ok(()), |mistake| Err(Error::new(text.span(), mistake)))
}

/// The error for a query in a path.
fn query_error(text: &str) -> Option<String> {
    text.contains('?').then(|| {
        format!(
            "`path(..)` invalidates every query of a path: write `url(\"{text}\")` for this one"
        )
    })
}

/// The error for a query in a prefix.
fn prefix_error(text: &str) -> Option<String> {
    let (before, _) = text.split_once('?')?;
    Some(format!("a prefix has no query: write `{before}`"))
}

/// The error for a text that is not in origin form (RFC 9112 §3.2.1).
fn target_error(text: &str) -> Option<String> {
    let after_host = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '{']) => Some(rest),
        _ => text.strip_prefix("//"),
    };
    if let Some(rest) = after_host {
        let path = rest.find('/').map_or("/", |slash| &rest[slash..]);
        return Some(format!("a target has no scheme or host: write `{path}`"));
    }
    if !text.starts_with('/') {
        return Some(format!("a target begins with a slash: write `/{text}`"));
    }
    let (before, _) = text.split_once('#')?;
    Some(format!("a target has no fragment: write `{before}`"))
}

#[cfg(test)]
mod tests {
    use super::check_template_of;
    use syn::{Ident, LitStr};

    /// Errors for a text as a path and as a URL.
    fn errors(text: &str) -> [Option<String>; 2] {
        let at = proc_macro2::Span::call_site();
        ["path", "url"].map(|option| {
            let checked = check_template_of(&Ident::new(option, at), &LitStr::new(text, at));
            checked.err().map(|error| error.to_string())
        })
    }

    #[test]
    fn a_target_in_origin_form_is_accepted() {
        for text in ["/", "/products/{id}", "/{{x}}", "/{a}/{b}", "/ü", "/a/"] {
            assert_eq!(errors(text), [None, None], "{text}");
        }
        for text in ["/products?page={page}", "/to?url=http://a/b"] {
            assert_eq!(errors(text)[1], None, "{text}");
        }
    }

    #[test]
    fn the_error_for_a_target_has_the_correction() {
        for (text, suggestion) in [
            ("products", "`/products`"),
            ("https://example.com/products", "`/products`"),
            ("//example.com", "`/`"),
            ("{path}", "`/{path}`"),
            ("/{id", "`{id}`"),
            ("/products#top", "`/products`"),
        ] {
            for error in errors(text) {
                assert!(
                    error.is_some_and(|error| error.contains(suggestion)),
                    "{text}"
                );
            }
        }
        let [path, _] = errors("/products?page=1");
        assert!(path.is_some_and(|error| error.contains("`url(\"/products?page=1\")`")));
    }
}
