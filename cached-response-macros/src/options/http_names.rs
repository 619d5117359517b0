//! Names of HTTP: methods, headers, parts of the query.

use super::{
    suggestions::did_you_mean,
    values::{Header, Vary},
};
use crate::diagnostics::Errors;
use proc_macro2::Span;
use quote::ToTokens;
use syn::{
    Error, Ident, LitStr, Path, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    spanned::Spanned,
};

/// `page` or `"page"`.
struct Name {
    text: String,
    span: Span,
    quoted: bool,
}

impl Parse for Name {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            return Ok(Self {
                text: text.value(),
                span: text.span(),
                quoted: true,
            });
        }
        let word = input.call(Ident::parse_any).map_err(|error| {
            Error::new(
                error.span(),
                "expected a name, such as `page` or `\"page\"`",
            )
        })?;
        Ok(Self {
            text: word.unraw().to_string(),
            span: word.span(),
            quoted: false,
        })
    }
}

fn parse_names(input: ParseStream<'_>) -> Result<Vec<Name>> {
    Ok(Punctuated::<Name, Token![,]>::parse_terminated(input)?
        .into_iter()
        .collect())
}

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "SEARCH", "REPORT",
    "PROPFIND",
];

/// Parses methods. HEAD is implied by GET.
pub(super) fn methods(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<String>> {
    let names = parse_names(input)?;
    let get = names.iter().any(|name| name.text == "GET");
    let mut methods = Vec::new();
    for name in names {
        let Name { text, span, .. } = &name;
        if methods.contains(text) {
            errors.at(*span, format!("`{text}` is named twice"));
        } else if text == "HEAD" && !get {
            errors.at(
                *span,
                "a HEAD request is answered from a stored GET response: write `methods(GET)`",
            );
        } else if let Some(message) = method_error(&name) {
            errors.at(*span, message);
        } else if text != "HEAD" {
            methods.push(name.text);
        }
    }
    Ok(methods)
}

fn method_error(Name { text, quoted, .. }: &Name) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let known = METHODS.contains(&text.as_str());
    if matches!(upper.as_str(), "CONNECT" | "TRACE") {
        return Some(format!("a response to {upper} is never stored: remove it"));
    }
    if !known && METHODS.contains(&upper.as_str()) {
        return Some(format!(
            "methods are written in upper case: write `{upper}`"
        ));
    }
    if text.is_empty() || !text.bytes().all(is_token) {
        return Some(format!(
            "`{text}` is not a method: write one such as `POST`"
        ));
    }
    let meant = did_you_mean(&upper, METHODS.iter().copied());
    (!known && !quoted).then(|| {
        format!("unknown method `{text}`{meant} (a custom method is a string: `\"{text}\"`)")
    })
}

/// Parses names of query fields.
pub(super) fn query(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<String>> {
    let names = parse_names(input)?;
    for name in &names {
        if !name.quoted
            && matches!(name.text.as_str(), "all" | "typed" | "exact")
            && names.len() == 1
        {
            let word = &name.text;
            errors.at(
                name.span,
                format!(
                    "write `query = {word}`, or `query(\"{word}\")` if a field of the query has that name"
                ),
            );
        } else if name.text.contains('*') {
            errors.at(
                name.span,
                "`query` takes whole names: a `*` is allowed in `ignore_query(\"utm_*\")`",
            );
        }
    }
    Ok(distinct(names, errors))
}

/// Parses names of query fields, where a `*` at the end stands for any rest.
pub(super) fn ignored_query(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<String>> {
    let names = parse_names(input)?;
    for name in &names {
        if name
            .text
            .strip_suffix('*')
            .unwrap_or(&name.text)
            .contains('*')
        {
            errors.at(
                name.span,
                "a `*` is allowed only at the end of a name: write `\"utm_*\"`",
            );
        }
    }
    Ok(distinct(names, errors))
}

/// Parses `"accept-language", header::ACCEPT`, or `none`.
pub(super) fn vary(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vary> {
    let entries: Vec<_> = Punctuated::<VaryName, Token![,]>::parse_terminated(input)?
        .into_iter()
        .collect();
    let none = entries
        .iter()
        .find(|entry| matches!(entry, VaryName::Name(name) if !name.quoted && name.text == "none"));
    if let Some(VaryName::Name(none)) = none {
        if entries.len() > 1 {
            errors.at(
                none.span,
                "`none` means that the handler reads no header: remove it, or the other names",
            );
        }
        return Ok(Vary::None);
    }
    let mut seen = Vec::new();
    let mut headers = Vec::new();
    for entry in entries {
        let (text, span, header) = match entry {
            VaryName::Constant(path) => {
                let text = path.to_token_stream().to_string().replace(' ', "");
                (text, path.span(), Header::Constant(path))
            }
            VaryName::Name(name) => {
                check_header(&name, errors);
                let text = name.text.to_ascii_lowercase();
                (text.clone(), name.span, Header::Text(text))
            }
        };
        if seen.contains(&text) {
            errors.at(span, format!("`{text}` is named twice"));
        } else {
            seen.push(text);
            headers.push(header);
        }
    }
    Ok(Vary::Headers(headers))
}

/// `"accept-language"`, `none`, or the path of a constant.
enum VaryName {
    Name(Name),
    Constant(Path),
}

impl Parse for VaryName {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let is_constant = |path: &Path| {
            let last = path.segments.last();
            path.segments.len() > 1
                || last.is_some_and(|last| last.ident.to_string().starts_with(char::is_uppercase))
        };
        let constant = input.fork().call(Path::parse_mod_style);
        if constant.is_ok_and(|path| is_constant(&path)) {
            return input.call(Path::parse_mod_style).map(Self::Constant);
        }
        input.parse().map(Self::Name)
    }
}

fn check_header(Name { text, span, quoted }: &Name, errors: &mut Errors) {
    if !quoted {
        let header = text.replace('_', "-");
        errors.at(
            *span,
            format!(
                "header names are strings or constants: write `vary(\"{header}\")`, or `vary(header::{})`",
                text.to_ascii_uppercase()
            ),
        );
    } else if text == "*" {
        errors.at(
            *span,
            "a response that varies by every header is never reused: name the headers that the handler reads",
        );
    } else if text.is_empty() || !text.bytes().all(is_token) {
        errors.at(*span, format!("`{text}` is not a header name"));
    }
}

/// Parses names of response fields, where a `*` at the end stands for any rest.
pub(super) fn not_replayed(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<String>> {
    let mut names = parse_names(input)?;
    for name in &mut names {
        let Name { text, span, quoted } = &*name;
        let beginning = text.strip_suffix('*').unwrap_or(text);
        if !quoted {
            let header = text.replace('_', "-");
            errors.at(
                *span,
                format!("header names are strings: write `not_replayed(\"{header}\")`"),
            );
        } else if beginning.contains('*') {
            errors.at(
                *span,
                "a `*` is allowed only at the end of a name: write `\"x-debug-*\"`",
            );
        } else if beginning.is_empty() || !beginning.bytes().all(is_token) {
            errors.at(*span, format!("`{text}` is not a header name"));
        }
        name.text.make_ascii_lowercase();
    }
    Ok(distinct(names, errors))
}

/// Parses the name of a targeted cache control field (RFC 9213).
pub(super) fn targeted(input: ParseStream<'_>) -> Result<String> {
    let name: LitStr = input.parse().map_err(|error| {
        Error::new(
            error.span(),
            "expected a header name: write `targeted = \"CDN-Cache-Control\"`",
        )
    })?;
    let text = name.value();
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err(Error::new(
            name.span(),
            format!("`{text}` is not a header name"),
        ));
    }
    Ok(text)
}

fn distinct(names: Vec<Name>, errors: &mut Errors) -> Vec<String> {
    let mut texts = Vec::new();
    for Name { text, span, .. } in names {
        if texts.contains(&text) {
            errors.at(span, format!("`{text}` is named twice"));
        } else {
            texts.push(text);
        }
    }
    texts
}

/// Returns true for a character of a token (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
