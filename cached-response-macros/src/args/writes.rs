//! What was asked of `#[invalidates]`.

use super::{
    each,
    shape::{LIST, Table, VALUE, WORD, shape},
    tags::template_alone,
    values,
};
use crate::{errors::Errors, template};
use proc_macro2::{Span, TokenStream};
use syn::{
    Error, Ident, LitStr, Path, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    token::Paren,
};

#[derive(Default)]
pub(crate) struct Writes {
    pub(crate) named: Vec<Named>,
    pub(crate) cache: Option<TokenStream>,
    pub(crate) krate: Option<Path>,
    /// Set by ourselves, once all other attributes have had their turn.
    pub(crate) innermost: bool,
}

/// Something that is invalidated.
pub(crate) struct Named {
    /// `tags`, `path`, `url` or `all`.
    pub(crate) option: Ident,
    pub(crate) what: What,
}

pub(crate) enum What {
    All,
    /// With path parameters in it.
    Template(LitStr),
    Expression(TokenStream),
}

const WRITES: Table = Table {
    shapes: &[
        shape(
            "tags",
            LIST,
            "tags(\"products\", \"product:{id}\")",
            &[
                "tag",
                "cache_tags",
                "cache_tag",
                "surrogate_key",
                "surrogate_keys",
            ],
        ),
        shape(
            "path",
            LIST,
            "path(\"/products/{id}\")",
            &["paths", "route", "prefix"],
        ),
        shape(
            "url",
            LIST,
            "url(\"/products?page=1\")",
            &["urls", "uri", "uris", "query"],
        ),
        shape(
            "all",
            WORD,
            "all",
            &["everything", "clear", "flush", "purge"],
        ),
        shape(
            "cache",
            VALUE,
            "cache = CACHE",
            &["store", "backend", "in_cache"],
        ),
        shape(
            "crate",
            VALUE,
            "crate = path::to::cached_response",
            &["krate", "crate_path"],
        ),
    ],
    ambiguous: &[],
    elsewhere: &[],
};

impl Parse for Writes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut writes = Self::default();
        let mut errors = Errors::default();
        let mut seen = Vec::new();
        each(input, &mut errors, |input, errors| {
            writes.option(input, &mut seen, errors)
        })?;
        if errors.is_empty() {
            names_something(&seen, &mut errors);
        }
        errors.finish(writes)
    }
}

impl Writes {
    fn option(
        &mut self,
        input: ParseStream<'_>,
        seen: &mut Vec<Ident>,
        errors: &mut Errors,
    ) -> Result<()> {
        let name = input.call(Ident::parse_any).map_err(|error| {
            Error::new(
                error.span(),
                "expected what is invalidated: write `path(\"/products/{id}\")`",
            )
        })?;
        if name == "__innermost" {
            self.innermost = true;
            return Ok(());
        }
        if seen.contains(&name) {
            errors.at(name.span(), format!("`{name}` is given twice"));
        }
        seen.push(name.clone());
        WRITES.known(&name)?;
        if input.peek(Token![=]) {
            WRITES.takes_value(&name)?;
            let _: Token![=] = input.parse()?;
            return self.value(&name, input);
        }
        if input.peek(Paren) {
            WRITES.takes_list(&name)?;
            let list;
            let paren = syn::parenthesized!(list in input);
            if list.is_empty() {
                return Err(Error::new(paren.span.join(), WRITES.empty_list(&name)));
            }
            return self.list(&name, &list, errors);
        }
        if name != "all" {
            return Err(WRITES.needs_value(&name));
        }
        let what = What::All;
        self.named.push(Named { option: name, what });
        Ok(())
    }

    fn value(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        if input.is_empty() || input.peek(Token![,]) {
            return Err(WRITES.needs_value(name));
        }
        if name == "cache" {
            self.cache = Some(values::expression(input)?);
        } else {
            self.krate = Some(input.call(Path::parse_mod_style)?);
        }
        Ok(())
    }

    /// A string literal is a template; anything else is an expression.
    fn list(&mut self, name: &Ident, list: ParseStream<'_>, errors: &mut Errors) -> Result<()> {
        while !list.is_empty() {
            if list.peek(Token![,]) {
                return Err(list.error("expected what is invalidated"));
            }
            let what = if let Some(text) = template_alone(list) {
                errors.note(check(name, &text));
                What::Template(text)
            } else {
                What::Expression(values::expression(list)?)
            };
            self.named.push(Named {
                option: name.clone(),
                what,
            });
            if !list.is_empty() {
                let _: Token![,] = list.parse()?;
            }
        }
        Ok(())
    }
}

fn names_something(seen: &[Ident], errors: &mut Errors) {
    let names = |option: &&Ident| {
        ["tags", "path", "url", "all"]
            .iter()
            .any(|name| *option == name)
    };
    let mut naming = seen.iter().filter(names);
    let all = naming.clone().find(|option| *option == "all");
    if naming.next().is_none() {
        errors.at(
            Span::call_site(),
            "nothing is named: write `#[invalidates(tags(\"product:{id}\"))]`, `path(\"/products/{id}\")`, or `all` for everything",
        );
    } else if let (Some(all), Some(_)) = (all, naming.next()) {
        errors.at(
            all.span(),
            "`all` invalidates what is named beside it, too: remove one of the two",
        );
    }
}

/// What is wrong about a text that stands where `option` names something.
fn check(option: &Ident, text: &LitStr) -> Result<()> {
    template::check(text)?;
    let text_of = text.value();
    let mistake = match option.to_string().as_str() {
        "tags" => text_of.is_empty().then(|| "a tag has a name".to_owned()),
        "path" => target(&text_of).or_else(|| query(&text_of)),
        _ => target(&text_of),
    };
    mistake.map_or(Ok(()), |mistake| Err(Error::new(text.span(), mistake)))
}

/// A path has none.
fn query(text: &str) -> Option<String> {
    text.contains('?').then(|| {
        format!("a path is invalidated with all its queries: write `url(\"{text}\")` for this one")
    })
}

/// What a request names begins with a slash: the host is not part of it.
fn target(text: &str) -> Option<String> {
    let after_host = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '{']) => Some(rest),
        _ => text.strip_prefix("//"),
    };
    if let Some(rest) = after_host {
        let path = rest.find('/').map_or("/", |slash| &rest[slash..]);
        return Some(format!("the host is no part of it: write `{path}`"));
    }
    if !text.starts_with('/') {
        return Some(format!("a path begins with a slash: write `/{text}`"));
    }
    let (before, _) = text.split_once('#')?;
    Some(format!(
        "a fragment is never sent to a server: write `{before}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::check;
    use syn::{Ident, LitStr};

    /// What is said of a text as a path, and as a URL.
    fn said(text: &str) -> [Option<String>; 2] {
        let at = proc_macro2::Span::call_site();
        ["path", "url"].map(|option| {
            let checked = check(&Ident::new(option, at), &LitStr::new(text, at));
            checked.err().map(|error| error.to_string())
        })
    }

    #[test]
    fn what_is_right_is_not_found_fault_with() {
        for text in ["/", "/products/{id}", "/{{x}}", "/{a}/{b}", "/ü", "/a/"] {
            assert_eq!(said(text), [None, None], "{text}");
        }
        for text in ["/products?page={page}", "/to?url=http://a/b"] {
            assert_eq!(said(text)[1], None, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_what_to_write() {
        for (text, says) in [
            ("products", "`/products`"),
            ("https://example.com/products", "`/products`"),
            ("//example.com", "`/`"),
            ("{path}", "`/{path}`"),
            ("/{id", "`{id}`"),
            ("/products#top", "`/products`"),
        ] {
            for said in said(text) {
                assert!(said.is_some_and(|said| said.contains(says)), "{text}");
            }
        }
        let [path, _] = said("/products?page=1");
        assert!(path.is_some_and(|said| said.contains("`url(\"/products?page=1\")`")));
    }
}
