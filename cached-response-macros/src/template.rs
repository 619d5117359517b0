//! Texts with path parameters in them, as the runtime reads them: `product:{id}`.

use syn::{Error, LitStr, Result};

/// Whether a text is a template: the braces are those of parameters, or doubled.
pub(crate) fn check(literal: &LitStr) -> Result<()> {
    let text = literal.value();
    let mut rest = &*text;
    while let Some(at) = rest.find(['{', '}']) {
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            rest = &brace[2..];
        } else {
            rest = parameter(brace).map_err(|fix| Error::new(literal.span(), fix))?;
        }
    }
    Ok(())
}

/// What follows the parameter that `text` begins with, or what to write.
fn parameter(text: &str) -> std::result::Result<&str, String> {
    const UNCLOSED: &str =
        "a `{` is not closed: write `{id}` for the path parameter `id`, `{{` for a brace";
    let Some(inside) = text.strip_prefix('{') else {
        return Err("a `}` closes nothing: write `}}` for a brace".to_owned());
    };
    let end = inside.find(['{', '}']).ok_or(UNCLOSED)?;
    let (name, brace) = inside.split_at(end);
    let after = brace.strip_prefix('}').ok_or(UNCLOSED)?;
    if name.is_empty() {
        return Err(
            "`{}` names nothing: write `{id}` for the path parameter `id`, `{{}}` for braces"
                .to_owned(),
        );
    }
    match name.split_once(':') {
        Some((name, _)) => Err(format!(
            "what a parameter matches is said by the route: write `{{{name}}}`"
        )),
        None => Ok(after),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use syn::parse_quote;

    #[test]
    fn braces_are_those_of_parameters_or_doubled() {
        check(&parse_quote!("products")).unwrap();
        check(&parse_quote!("product:{id}/{name}")).unwrap();
        check(&parse_quote!("{{product}}:{id}")).unwrap();
    }

    #[test]
    fn any_other_brace_is_told_what_to_write() {
        let said = |literal| check(&literal).unwrap_err().to_string();
        assert!(said(parse_quote!("product:{id")).contains("write `{id}`"));
        assert!(said(parse_quote!("product:{i{d}")).contains("write `{id}`"));
        assert!(said(parse_quote!("product:id}")).contains("write `}}`"));
        assert!(said(parse_quote!("product:{}")).contains("names nothing"));
        assert!(said(parse_quote!("product:{id:\\d+}")).contains("write `{id}`"));
    }
}
