//! A part of a whole: `0.9`.

use crate::duration::literal;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Expr, Lit, Result, Token, parse::ParseStream};

/// What the part is of, and how large it may be.
pub(super) struct Fraction {
    option: &'static str,
    is: &'static str,
    may_be_whole: bool,
    example: &'static str,
}

pub(super) const HEURISTIC: Fraction = Fraction {
    option: "heuristic_fraction",
    is: "a part, over 0 and up to 1, of the time since `Last-Modified`",
    may_be_whole: true,
    example: "0.1",
};

pub(super) const REFRESH_AHEAD: Fraction = Fraction {
    option: "refresh_ahead",
    is: "a part, over 0 and under 1, of the lifetime",
    may_be_whole: false,
    example: "0.9",
};

pub(super) const JITTER: Fraction = Fraction {
    option: "jitter",
    is: "the part, over 0 and under 1, by which a lifetime may be shorter",
    may_be_whole: false,
    example: "0.1",
};

impl Fraction {
    pub(super) fn parse(&self, input: ParseStream<'_>) -> Result<f32> {
        if let Some((number, tokens)) = percentage(input) {
            return Err(self.error(&tokens, Some(&number)));
        }
        let expr: Expr = input.parse()?;
        let number = literal(&expr);
        let part = number.and_then(value);
        part.filter(|part| self.allows(*part))
            .ok_or_else(|| self.error(&quote!(#expr), number))
    }

    fn allows(&self, part: f32) -> bool {
        part > 0.0 && (part < 1.0 || self.may_be_whole && part <= 1.0)
    }

    fn error(&self, at: &TokenStream, wrong: Option<&Lit>) -> Error {
        let Self {
            option,
            is,
            example,
            ..
        } = self;
        let meant = wrong.and_then(percent);
        let number = meant.map_or_else(|| (*example).to_owned(), |part| part.to_string());
        let or = if wrong.and_then(value) == Some(0.0) {
            ", or remove it"
        } else {
            ""
        };
        let text = format!("`{option}` is {is}: write `{option} = {number}`{or}");
        Error::new_spanned(at, text)
    }
}

/// `90%`, where nothing follows.
fn percentage(input: ParseStream<'_>) -> Option<(Lit, TokenStream)> {
    let ahead = input.fork();
    let number: Lit = ahead.parse().ok()?;
    let sign: Token![%] = ahead.parse().ok()?;
    let ends = ahead.is_empty() || ahead.peek(Token![,]);
    let tokens = quote!(#number #sign);
    ends.then_some((number, tokens))
}

fn value(number: &Lit) -> Option<f32> {
    match number {
        Lit::Float(float) => float.base10_parse().ok(),
        Lit::Int(int) => int.base10_parse().ok(),
        _ => None,
    }
}

/// The part that a number over 1 stands for, where somebody thought in hundredths.
fn percent(number: &Lit) -> Option<f64> {
    let number: f64 = match number {
        Lit::Int(int) => int.base10_parse().ok()?,
        Lit::Str(text) => text.value().strip_suffix('%')?.trim().parse().ok()?,
        _ => return None,
    };
    (number > 1.0 && number < 100.0).then_some(number / 100.0)
}
