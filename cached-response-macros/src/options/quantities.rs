//! Durations, sizes and fractions.
//!
//! `5m` is legal Rust in an attribute: an integer literal with an unknown suffix is one token, and an
//! attribute macro receives it before the compiler checks the suffix.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Error, Expr, ExprGroup, ExprLit, Lit, LitFloat, Result, Token, UnOp, parse::ParseStream,
};

/// `300` (seconds), `5m`, `250ms`, `1h30m`, `"1h 30m"`, or an expression: a `Duration` or whole seconds.
pub(crate) enum Duration {
    Millis(u64),
    Expr(Box<Expr>),
}

/// The names of each unit, the shortest first, and its milliseconds.
const TIME_UNITS: &[(&[&str], u64)] = &[
    (&["ms"], 1),
    (&["s", "sec", "secs", "second", "seconds"], 1_000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000),
    (&["d", "day", "days"], 86_400_000),
    (&["w", "week", "weeks"], 604_800_000),
];

impl Duration {
    /// Parses the value of `option`.
    pub(crate) fn parse(option: &str, input: ParseStream<'_>) -> Result<Self> {
        let expr: Expr = input.parse()?;
        let help = format!(
            "write seconds (`{option} = 300`), a unit (`{option} = 5m`, `{option} = \"1h 30m\"`) or a `Duration`"
        );
        if matches!(&expr, Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_))) {
            return Err(Error::new_spanned(
                &expr,
                format!("`{option}` cannot be negative: {help}"),
            ));
        }
        let Some(literal) = literal(&expr) else {
            return Ok(Self::Expr(Box::new(expr)));
        };
        let millis = match literal {
            Lit::Int(int) if matches!(int.suffix(), "" | "u32" | "u64") => {
                seconds(int.base10_digits())
                    .ok_or_else(|| format!("`{int}` seconds are out of range"))
            }
            Lit::Int(int) => millis(&format!("{}{}", int.base10_digits(), int.suffix())),
            Lit::Str(text) => millis(&text.value()),
            Lit::Float(float) => {
                return Err(Error::new_spanned(&expr, fractional_seconds(option, float)));
            }
            _ => Err("this is not a duration".to_owned()),
        };
        match (millis, zero_error(option)) {
            (Ok(0), Some(wrong)) => Err(Error::new_spanned(&expr, wrong)),
            (Ok(millis), _) => Ok(Self::Millis(millis)),
            (Err(why), _) => Err(Error::new_spanned(&expr, format!("{why}: {help}"))),
        }
    }
}

/// The error for zero. `None` where zero switches the option off.
fn zero_error(option: &str) -> Option<String> {
    let error = match option {
        "stale_while_revalidate" | "stale_if_error" | "failure_cooldown" => return None,
        "soft_timeout" => "waits for no run: remove it, and write `stale_while_revalidate = 30s`, which serves the stale response at once".to_owned(),
        "run_timeout" => "lets no run finish: write a duration such as `run_timeout = 10s`, or remove it".to_owned(),
        _ => format!("stores nothing: write a duration such as `{option} = 5m`, or remove it"),
    };
    Some(format!("a `{option}` of zero {error}"))
}

impl ToTokens for Duration {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Millis(millis) => {
                tokens.extend(quote!(::core::time::Duration::from_millis(#millis)));
            }
            Self::Expr(expr) => expr.to_tokens(tokens),
        }
    }
}

/// Returns the literal, where the whole expression is one; also within a group that `macro_rules`
/// made.
pub(crate) fn literal(expr: &Expr) -> Option<&Lit> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Group(ExprGroup { expr, .. }) => literal(expr),
        _ => None,
    }
}

fn fractional_seconds(option: &str, float: &LitFloat) -> String {
    let Some((whole, part)) = float.base10_digits().split_once('.') else {
        return format!("`{float}` is not a whole number of seconds");
    };
    let millis = format!("{whole}{part:0<3.3}");
    let millis = millis.trim_start_matches('0');
    format!("`{float}` is not a whole number of seconds: write `{option} = {millis}ms`")
}

fn seconds(digits: &str) -> Option<u64> {
    digits.parse::<u64>().ok()?.checked_mul(1_000)
}

/// Parses `1h 30m` into milliseconds.
fn millis(text: &str) -> std::result::Result<u64, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("an empty string is not a duration".into());
    }
    if let Some(millis) = rest
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| seconds(rest))
    {
        return millis.ok_or_else(|| format!("`{text}` seconds are out of range"));
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit());
        if number.is_empty() {
            return Err(format!("`{text}` is not a duration"));
        }
        let (unit, after) = split_while(after.trim_start(), |c| c.is_ascii_alphabetic());
        let scale = unit_millis(text, unit)?;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(scale))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("`{text}` is out of range"))?;
        rest = after.trim_start();
    }
    Ok(total)
}

fn split_while(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}

fn unit_millis(text: &str, unit: &str) -> std::result::Result<u64, String> {
    match TIME_UNITS.iter().find(|(names, _)| names.contains(&unit)) {
        Some((_, scale)) => Ok(*scale),
        None if unit.is_empty() => Err(format!("`{text}` has a number without a unit")),
        None => Err(format!(
            "`{unit}` is not a unit of time (ms, s, m, h, d, w, or `minutes` and the like)"
        )),
    }
}

/// A number of bytes: `65536`, `64KiB`, `"64 KiB"`, or an expression of type `usize`.
pub(crate) enum Size {
    Bytes(u64),
    Expr(Box<Expr>),
}

/// The names of each unit in lower case, and its bytes.
const SIZE_UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("k", 1 << 10),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("m", 1 << 20),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("g", 1 << 30),
];

impl Size {
    /// Parses the value of `option`, which must not be zero.
    pub(crate) fn parse(option: &str, input: ParseStream<'_>) -> Result<Self> {
        let expr: Expr = input.parse()?;
        let help = format!(
            "write a number of bytes (`{option} = 65536`) or a unit (`{option} = \"64KiB\"`)"
        );
        let text = match literal(&expr) {
            Some(Lit::Int(int)) if matches!(int.suffix(), "usize" | "u64" | "u32") => {
                int.base10_digits().to_owned()
            }
            Some(Lit::Int(int)) => format!("{}{}", int.base10_digits(), int.suffix()),
            Some(Lit::Str(text)) => text.value(),
            Some(_) => {
                return Err(Error::new_spanned(
                    &expr,
                    format!("this is not a size: {help}"),
                ));
            }
            None => return Ok(Self::Expr(Box::new(expr))),
        };
        match bytes(&text) {
            Some(0) => Err(Error::new_spanned(
                &expr,
                format!("a `{option}` of zero bytes allows no body: {help}"),
            )),
            Some(bytes) => Ok(Self::Bytes(bytes)),
            None => Err(Error::new_spanned(
                &expr,
                format!("`{text}` is not a size: {help}"),
            )),
        }
    }
}

impl ToTokens for Size {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Bytes(bytes) => proc_macro2::Literal::u64_unsuffixed(*bytes).to_tokens(tokens),
            Self::Expr(expr) => expr.to_tokens(tokens),
        }
    }
}

fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len()
        - text
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == '_')
            .len();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let (_, scale) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    number
        .replace('_', "")
        .parse::<u64>()
        .ok()?
        .checked_mul(*scale)
}

/// An option whose value is a fraction: `0.9`.
pub(super) struct Fraction {
    option: &'static str,
    meaning: &'static str,
    may_be_one: bool,
    example: &'static str,
}

pub(super) const HEURISTIC_FRACTION: Fraction = Fraction {
    option: "heuristic_fraction",
    meaning: "a fraction of the time since `Last-Modified`, over 0 and up to 1",
    may_be_one: true,
    example: "0.1",
};

pub(super) const REFRESH_AHEAD: Fraction = Fraction {
    option: "refresh_ahead",
    meaning: "a fraction of the lifetime, over 0 and under 1",
    may_be_one: false,
    example: "0.9",
};

pub(super) const JITTER: Fraction = Fraction {
    option: "jitter",
    meaning: "the largest fraction, over 0 and under 1, by which a lifetime is shortened",
    may_be_one: false,
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
        part > 0.0 && (part < 1.0 || self.may_be_one && part <= 1.0)
    }

    fn error(&self, at: &TokenStream, wrong: Option<&Lit>) -> Error {
        let Self {
            option,
            meaning,
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
        let text = format!("`{option}` is {meaning}: write `{option} = {number}`{or}");
        Error::new_spanned(at, text)
    }
}

/// Parses `90%`, where nothing follows.
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

/// The fraction that a number over 1 stands for, read as a percentage.
fn percent(number: &Lit) -> Option<f64> {
    let number: f64 = match number {
        Lit::Int(int) => int.base10_parse().ok()?,
        Lit::Str(text) => text.value().strip_suffix('%')?.trim().parse().ok()?,
        _ => return None,
    };
    (number > 1.0 && number < 100.0).then_some(number / 100.0)
}

#[cfg(test)]
mod tests;
