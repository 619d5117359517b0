//! The values of options that have a syntax of their own.

use super::{Duration, quantities::literal, table::CACHED_RESPONSE};
use crate::diagnostics::Errors;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Error, Expr, Ident, Lit, LitBool, LitInt, LitStr, Result, Token, ext::IdentExt,
    parse::ParseStream, spanned::Spanned,
};

/// One expression of `key(..)`.
pub(crate) struct KeyExpression {
    pub(crate) tokens: TokenStream,
    /// Written `serde(..)`.
    pub(crate) serde: bool,
}

/// The arguments that are extracted only when the handler runs.
pub(crate) enum Lazy {
    All,
    Named(Vec<Ident>),
}

/// The part of the query that is in the key.
pub(crate) enum Query {
    Only(Vec<String>),
    Typed(Ident),
    All,
    Exact,
}

/// The request headers that select a variant.
pub(crate) enum Vary {
    None,
    Headers(Vec<Header>),
}

/// The name of a header.
pub(crate) enum Header {
    /// `"accept-language"`
    Text(String),
    /// `header::ACCEPT_LANGUAGE`
    Constant(syn::Path),
}

/// A status code that is stored besides 200.
pub(crate) struct Status {
    pub(crate) code: u16,
    pub(crate) timeout: Option<Duration>,
}

/// The query flag that forces a refresh.
pub(crate) enum Nocache {
    Off,
    On {
        name: Option<String>,
        only_if: Option<TokenStream>,
    },
}

/// The freshness lifetime.
pub(crate) enum Timeout {
    Duration(Duration),
    /// Each response sets its own (RFC 9111).
    Response,
}

impl Timeout {
    pub(super) fn parse(input: ParseStream<'_>) -> Result<Self> {
        let word = input.fork();
        if word.parse::<Ident>().is_ok_and(|word| word == "response")
            && (word.is_empty() || word.peek(Token![,]))
        {
            let _: Ident = input.parse()?;
            return Ok(Self::Response);
        }
        if let Ok(text) = input.fork().parse::<LitStr>()
            && text.value() == "response"
        {
            return Err(Error::new(
                text.span(),
                "`response` is a keyword, not a string: write `timeout = response`",
            ));
        }
        Duration::parse("timeout", input).map(Self::Duration)
    }
}

/// Returns true before `300`, `-5`, `"1h"`, `HOUR`, `Self::TTL`, `Duration::from_secs(5)`, but not before `option ..`.
pub(super) fn is_bare_value(input: ParseStream<'_>) -> bool {
    if input.peek(Lit) || input.peek(Token![-]) || input.peek2(Token![::]) {
        return true;
    }
    let stands_alone = !input.peek2(Token![=]) && !input.peek2(syn::token::Paren);
    let word = input.fork().call(Ident::parse_any);
    stands_alone && word.is_ok_and(|word| word.to_string().starts_with(char::is_uppercase))
}

/// Consumes the tokens up to the next comma.
pub(super) fn skip_to_comma(input: ParseStream<'_>) -> Result<TokenStream> {
    let mut skipped = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        skipped.extend([input.parse::<TokenTree>()?]);
    }
    Ok(skipped)
}

/// Parses an expression, or takes the tokens of an incomplete one: while `user.` is being typed, an
/// editor completes it only if its tokens reach the expansion. The compiler reports it there.
pub(super) fn expression(input: ParseStream<'_>) -> Result<TokenStream> {
    match input.fork().parse::<Expr>() {
        Ok(_) => Ok(input.parse::<Expr>()?.into_token_stream()),
        Err(_) => skip_to_comma(input),
    }
}

pub(super) fn key_expressions(input: ParseStream<'_>) -> Result<Vec<KeyExpression>> {
    let mut parts = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![,]) {
            return Err(input.error("expected an expression"));
        }
        let tokens = expression(input)?;
        parts.push(KeyExpression::from(tokens));
        if !input.is_empty() {
            let _: Token![,] = input.parse()?;
        }
    }
    Ok(parts)
}

impl From<TokenStream> for KeyExpression {
    fn from(tokens: TokenStream) -> Self {
        let mut found = tokens.clone().into_iter();
        match (found.next(), found.next(), found.next()) {
            (Some(TokenTree::Ident(word)), Some(TokenTree::Group(inside)), None)
                if word == "serde" && inside.delimiter() == Delimiter::Parenthesis =>
            {
                Self {
                    tokens: inside.stream(),
                    serde: true,
                }
            }
            _ => Self {
                tokens,
                serde: false,
            },
        }
    }
}

/// Parses names of the handler's arguments.
pub(super) fn arguments(
    option: &Ident,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> Result<Vec<Ident>> {
    let mut names: Vec<Ident> = Vec::new();
    while !input.is_empty() {
        let expr = input.fork().parse::<Expr>().ok();
        let name = input.call(Ident::parse_any);
        let more = skip_to_comma(input)?;
        match (name, expr) {
            (Ok(name), _) if more.is_empty() && names.contains(&name) => {
                errors.at(name.span(), format!("`{name}` is named twice"));
            }
            (Ok(name), _) if more.is_empty() => names.push(name),
            (Ok(name), _) => errors.at(
                name.span().join(more.span()).unwrap_or_else(|| name.span()),
                format!("`{option}` takes whole arguments: write `{option}({name})`"),
            ),
            (Err(error), expr) => {
                let span = expr.map_or_else(|| error.span(), |expr| expr.span());
                let example = CACHED_RESPONSE.example(option);
                errors.at(
                    span,
                    format!("`{option}` takes the names of arguments, such as `{example}`"),
                );
            }
        }
        let _: Option<Token![,]> = input.parse()?;
    }
    Ok(names)
}

/// Parses `404 = "10s", 301`.
pub(super) fn statuses(input: ParseStream<'_>, errors: &mut Errors) -> Result<Vec<Status>> {
    let mut statuses: Vec<Status> = Vec::new();
    while !input.is_empty() {
        let number: LitInt = input.parse().map_err(|error| {
            Error::new(
                error.span(),
                "expected a status, with a timeout or without: `status(404 = \"10s\", 301)`",
            )
        })?;
        let timeout = match input.parse::<Option<Token![=]>>()? {
            Some(_) => errors.record(Duration::parse(number.base10_digits(), input)),
            None => None,
        };
        let code = number
            .base10_parse::<u16>()
            .ok()
            .filter(|code| (100..600).contains(code));
        match code {
            None => errors.at(
                number.span(),
                format!("`{number}` is not a status code: write one from 100 to 599"),
            ),
            Some(code @ (100..200 | 206 | 304 | 412 | 416)) => {
                errors.at(
                    number.span(),
                    format!("a {code} response is never stored: remove it"),
                );
            }
            Some(code) if statuses.iter().any(|status| status.code == code) => {
                errors.at(number.span(), format!("`{code}` is named twice"));
            }
            Some(code) => statuses.push(Status { code, timeout }),
        }
        skip_to_comma(input)?;
        let _: Option<Token![,]> = input.parse()?;
    }
    Ok(statuses)
}

impl Query {
    pub(super) fn word(input: ParseStream<'_>) -> Result<Self> {
        const HELP: &str =
            "expected `all`, `typed` or `exact`; write names in parentheses: `query(page, sort)`";
        let word = input
            .call(Ident::parse_any)
            .map_err(|error| Error::new(error.span(), HELP))?;
        match word.to_string().as_str() {
            "all" => Ok(Self::All),
            "typed" => Ok(Self::Typed(word)),
            "exact" => Ok(Self::Exact),
            _ => Err(Error::new(word.span(), HELP)),
        }
    }
}

impl Nocache {
    const HELP: &str = "expected `off`, another name (`nocache = \"live\"`) or `nocache(name = \"live\", only_if = staff)`";

    pub(super) fn word(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return Ok(Self::On {
                name: Some(flag_name(input)?),
                only_if: None,
            });
        }
        match input.call(Ident::parse_any) {
            Ok(word) if word == "off" => Ok(Self::Off),
            Ok(word) => Err(Error::new(word.span(), Self::HELP)),
            Err(error) => Err(Error::new(error.span(), Self::HELP)),
        }
    }

    pub(super) fn list(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut only_if) = (None, None);
        while !input.is_empty() {
            let word = input
                .call(Ident::parse_any)
                .map_err(|error| Error::new(error.span(), Self::HELP))?;
            if (word == "name" && name.is_some()) || (word == "only_if" && only_if.is_some()) {
                return Err(Error::new(word.span(), format!("`{word}` is given twice")));
            }
            if (word != "name" && word != "only_if") || !input.peek(Token![=]) {
                return Err(Error::new(word.span(), Self::HELP));
            }
            let _: Token![=] = input.parse()?;
            if word == "name" {
                name = Some(flag_name(input)?);
            } else {
                only_if = Some(expression(input)?);
            }
            if !input.is_empty() {
                let _: Token![,] = input.parse()?;
            }
        }
        Ok(Self::On { name, only_if })
    }
}

/// Parses the name of the flag. It is compared byte by byte, so it must be written as it is sent.
fn flag_name(input: ParseStream<'_>) -> Result<String> {
    let name: LitStr = input
        .parse()
        .map_err(|error| Error::new(error.span(), "expected a string, such as `\"live\"`"))?;
    let text = name.value();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(Error::new(
            name.span(),
            "the name of the flag has only letters, digits, `-`, `.`, `_` and `~`: write `nocache = \"live\"`",
        ));
    }
    Ok(text)
}

pub(super) fn boolean(input: ParseStream<'_>) -> Result<bool> {
    let word: LitBool = input
        .parse()
        .map_err(|error| Error::new(error.span(), "expected `true` or `false`"))?;
    Ok(word.value)
}

/// Parses the version that separates a handler's responses from those of an earlier build.
pub(super) fn version(input: ParseStream<'_>) -> Result<LitStr> {
    let expr: Expr = input.parse()?;
    let example = match literal(&expr) {
        Some(Lit::Str(version)) if !version.value().is_empty() => return Ok(version.clone()),
        Some(Lit::Str(_)) => {
            let text =
                "an empty `version` distinguishes nothing: write `version = \"2\"`, or remove it";
            return Err(Error::new_spanned(expr, text));
        }
        Some(Lit::Int(number)) => number.to_string(),
        Some(Lit::Float(number)) => number.to_string(),
        _ => "2".to_owned(),
    };
    let text = format!("a `version` is a string literal: write `version = \"{example}\"`");
    Err(Error::new_spanned(expr, text))
}
