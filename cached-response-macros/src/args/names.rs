//! Names that HTTP gives to things: methods, headers, parts of the query.

use super::values::{Header, Vary};
use crate::{duration::literal, errors::Errors, suggest};
use proc_macro2::Span;
use quote::ToTokens;
use syn::{
    Error, Expr, Ident, Lit, LitStr, Path, Result, Token,
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

fn list(input: ParseStream<'_>) -> Result<Vec<Name>> {
    Ok(Punctuated::<Name, Token![,]>::parse_terminated(input)?
        .into_iter()
        .collect())
}

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "SEARCH", "REPORT",
    "PROPFIND",
];

pub(super) fn methods(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<String>> {
    let names = list(input)?;
    let get = names.iter().any(|name| name.text == "GET");
    let mut methods = Vec::new();
    for Name { text, span, quoted } in names {
        let upper = text.to_ascii_uppercase();
        let known = METHODS.contains(&text.as_str());
        if methods.contains(&text) {
            errors.at(span, format!("`{text}` is named twice"));
        } else if text == "HEAD" && !get {
            errors.at(
                span,
                "a HEAD request is answered from a stored GET: write `methods(GET)`",
            );
        } else if matches!(upper.as_str(), "CONNECT" | "TRACE") {
            errors.at(span, format!("a response to {upper} is never stored"));
        } else if !known && METHODS.contains(&upper.as_str()) {
            errors.at(
                span,
                format!("methods are written in upper case: write `{upper}`"),
            );
        } else if text.is_empty() || !text.bytes().all(is_token) {
            errors.at(span, format!("`{text}` is not the name of a method"));
        } else if !known && !quoted {
            let meant = suggest::did_you_mean(&upper, METHODS.iter().copied());
            errors.at(
                span,
                format!(
                    "unknown method `{text}`{meant} (a method of your own is written `\"{text}\"`)"
                ),
            );
        } else if text != "HEAD" {
            methods.push(text);
        }
    }
    Ok(methods)
}

pub(super) fn query(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<String>> {
    let names = list(input)?;
    for name in &names {
        if !name.quoted
            && matches!(name.text.as_str(), "all" | "typed" | "exact")
            && names.len() == 1
        {
            let word = &name.text;
            errors.at(
                name.span,
                format!(
                    "write `query = {word}`, or `query(\"{word}\")` if an argument has that name"
                ),
            );
        } else if name.text.contains('*') {
            errors.at(
                name.span,
                "`query` takes whole names: a `*` is for `ignore_query(\"utm_*\")`",
            );
        }
    }
    Ok(distinct(names, errors))
}

pub(super) fn ignored_query(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<String>> {
    let names = list(input)?;
    for name in &names {
        if name
            .text
            .strip_suffix('*')
            .unwrap_or(&name.text)
            .contains('*')
        {
            errors.at(
                name.span,
                "a `*` can only stand at the end, for the rest of a name: `\"utm_*\"`",
            );
        }
    }
    Ok(distinct(names, errors))
}

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
                "`none` says that no header is read: remove it, or the names beside it",
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
                "names of headers are strings or constants: write `vary(\"{header}\")`, or `vary(header::{})`",
                text.to_ascii_uppercase()
            ),
        );
    } else if text == "*" {
        errors.at(
            *span,
            "a response that varies by everything is never reused: name the headers that are read",
        );
    } else if text.is_empty() || !text.bytes().all(is_token) {
        errors.at(*span, format!("`{text}` is not the name of a header"));
    }
}

/// Fields of the response, or the beginning of their names.
pub(super) fn not_replayed(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<String>> {
    let mut names = list(input)?;
    for name in &mut names {
        let Name { text, span, quoted } = &*name;
        let beginning = text.strip_suffix('*').unwrap_or(text);
        if !quoted {
            let header = text.replace('_', "-");
            errors.at(
                *span,
                format!("names of headers are strings: write `not_replayed(\"{header}\")`"),
            );
        } else if beginning.contains('*') {
            errors.at(
                *span,
                "a `*` can only stand at the end, for the rest of a name: `\"x-debug-*\"`",
            );
        } else if beginning.is_empty() || !beginning.bytes().all(is_token) {
            errors.at(*span, format!("`{text}` is not the name of a header"));
        }
        name.text.make_ascii_lowercase();
    }
    Ok(distinct(names, errors))
}

/// The name of a field that is meant for this cache.
pub(super) fn targeted(input: ParseStream<'_>) -> Result<String> {
    let name: LitStr = input.parse().map_err(|error| {
        Error::new(
            error.span(),
            "expected the name of a field: write `targeted = \"CDN-Cache-Control\"`",
        )
    })?;
    let text = name.value();
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err(Error::new(
            name.span(),
            format!("`{text}` is not the name of a header"),
        ));
    }
    Ok(text)
}

/// What tells a handler's responses from those of an earlier one.
pub(super) fn version(input: ParseStream<'_>) -> Result<LitStr> {
    let expr: Expr = input.parse()?;
    let example = match literal(&expr) {
        Some(Lit::Str(version)) if !version.value().is_empty() => return Ok(version.clone()),
        Some(Lit::Str(_)) => {
            let text = "an empty `version` says nothing: write `version = \"2\"`, or remove it";
            return Err(Error::new_spanned(expr, text));
        }
        Some(Lit::Int(number)) => number.to_string(),
        Some(Lit::Float(number)) => number.to_string(),
        _ => "2".to_owned(),
    };
    let text = format!("a `version` is a string literal: write `version = \"{example}\"`");
    Err(Error::new_spanned(expr, text))
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

/// A character of a token (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
