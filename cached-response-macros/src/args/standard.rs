//! The options that give requests and responses the say that the standard gives them.

use crate::duration::Span;
use syn::{Error, Ident, LitBool, LitStr, Result, Token, parse::ParseStream};

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

pub(super) fn truth(input: ParseStream<'_>) -> Result<bool> {
    let word: LitBool = input
        .parse()
        .map_err(|error| Error::new(error.span(), "expected `true` or `false`"))?;
    Ok(word.value)
}
