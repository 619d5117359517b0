//! The options that give requests and responses the say that the standard gives them.

use crate::duration::{Span, literal};
use syn::{Error, Expr, Ident, Lit, LitBool, LitStr, Result, Token, parse::ParseStream};

/// How long responses stay fresh.
pub(crate) enum Timeout {
    Span(Span),
    /// Each says it itself.
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
                "`response` is a word and no string: write `timeout = response`",
            ));
        }
        Span::parse("timeout", input).map(Self::Span)
    }
}

/// A part of a whole.
pub(super) fn fraction(input: ParseStream<'_>) -> Result<f32> {
    let expr: Expr = input.parse()?;
    let number = match literal(&expr) {
        Some(Lit::Float(float)) => float.base10_parse().ok(),
        Some(Lit::Int(int)) => int.base10_parse().ok(),
        _ => None,
    };
    number
        .filter(|number: &f32| *number > 0.0 && *number <= 1.0)
        .ok_or_else(|| {
            Error::new_spanned(
                &expr,
                "`heuristic` is a part, over 0 and up to 1, of the time since `Last-Modified`: write `heuristic = 0.1`",
            )
        })
}

pub(super) fn truth(input: ParseStream<'_>) -> Result<bool> {
    let word: LitBool = input
        .parse()
        .map_err(|error| Error::new(error.span(), "expected `true` or `false`"))?;
    Ok(word.value)
}
