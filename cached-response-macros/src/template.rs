//! Texts with path parameters in them, checked where they are written. The runtime reads them.

use syn::{Error, Ident, LitStr, Result};

/// What is wrong about the text that `option` names.
pub(crate) fn check(option: &Ident, text: &LitStr) -> Result<()> {
    let value = text.value();
    let mistake = braces(&value).or_else(|| match option.to_string().as_str() {
        "path" => path(&value),
        "url" => url(&value),
        _ => None,
    });
    mistake.map_or(Ok(()), |mistake| Err(Error::new(text.span(), mistake)))
}

fn braces(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            rest = &brace[2..];
            continue;
        }
        let Some(inside) = brace.strip_prefix('{') else {
            return Some("a `}` closes nothing: write `}}` for a brace".to_owned());
        };
        let name = inside.split(['{', '}']).next().unwrap_or_default();
        let Some(after) = inside[name.len()..].strip_prefix('}') else {
            return Some(format!(
                "a `{{` is not closed: write `{{{}}}` for a path parameter, `{{{{` for a brace",
                if is_name(name) { name } else { "id" }
            ));
        };
        if name.is_empty() {
            return Some(
                "`{}` names nothing: write `{id}` for the path parameter `id`, `{{}}` for braces"
                    .to_owned(),
            );
        }
        if let Some((name, _)) = name.split_once(':') {
            return Some(format!(
                "what a parameter matches is said by the route: write `{{{name}}}`"
            ));
        }
        rest = after;
    }
    None
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn path(text: &str) -> Option<String> {
    let begins = target(text);
    let query = || {
        text.contains('?').then(|| {
            format!(
                "a path is invalidated with all its queries: write `url(\"{text}\")` for this one"
            )
        })
    };
    begins.or_else(query)
}

fn url(text: &str) -> Option<String> {
    target(text)
}

/// What a request names on this host.
fn target(text: &str) -> Option<String> {
    let after_host = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '{']) => Some(rest),
        _ => text.strip_prefix("//"),
    };
    if let Some(rest) = after_host {
        let path = rest.find('/').map_or("/", |slash| &rest[slash..]);
        return Some(format!("the host is no part of it: write `{path}`"));
    }
    (!text.starts_with('/')).then(|| format!("a path begins with a slash: write `/{text}`"))
}

#[cfg(test)]
mod tests {
    use super::{braces, path, url};

    #[test]
    fn what_is_right_is_not_found_fault_with() {
        for text in ["/", "/products/{id}", "/{{x}}", "/{a}/{b}", "/ü"] {
            assert_eq!(braces(text).or_else(|| path(text)), None, "{text}");
        }
        for text in ["/products?page={page}", "/to?url=http://a/b", "/a#b"] {
            assert_eq!(braces(text).or_else(|| url(text)), None, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_what_to_write() {
        for (text, says) in [
            ("/{id", "`{id}`"),
            ("/{", "`{id}`"),
            ("/{a b", "`{id}`"),
            ("/id}", "`}}`"),
            ("/{}", "`{{}}`"),
            ("/{id:[0-9]+}", "`{id}`"),
            ("products", "`/products`"),
            ("/products?page=1", "`url(\"/products?page=1\")`"),
            ("https://example.com/products", "`/products`"),
            ("//example.com", "`/`"),
        ] {
            let said = braces(text).or_else(|| path(text)).unwrap_or_default();
            assert!(
                said.ends_with(says) || said.contains(says),
                "{text}: {said}"
            );
        }
    }
}
