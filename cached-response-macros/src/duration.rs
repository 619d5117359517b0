//! `300`, `5m`, `250ms`, `1h30m`, `"1h 30m"`, or an expression: a `Duration` or whole seconds.
//!
//! `5m` is legal Rust in an attribute: an integer literal with a suffix of our own is one token,
//! and an attribute macro gets it before the suffix is checked.

use syn::{Error, Expr, ExprGroup, ExprLit, Lit, LitFloat, Result, UnOp, parse::ParseStream};

/// A length of time.
pub(crate) enum Span {
    Millis(u64),
    Expr(Box<Expr>),
}

/// The names of each unit, the shortest first.
const UNITS: &[(&[&str], u64)] = &[
    (&["ms"], 1),
    (&["s", "sec", "secs", "second", "seconds"], 1_000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000),
    (&["d", "day", "days"], 86_400_000),
    (&["w", "week", "weeks"], 604_800_000),
];

impl Span {
    /// `option` is the word on the left of the `=`.
    pub(crate) fn parse(option: &str, input: ParseStream<'_>) -> Result<Self> {
        let zero = format!("a `{option}` of zero keeps nothing: give it a length, or remove it");
        Self::parse_where(option, Some(&zero), input)
    }

    /// The same, where `zero` is what is wrong with none, if anything is.
    pub(crate) fn parse_where(
        option: &str,
        zero: Option<&str>,
        input: ParseStream<'_>,
    ) -> Result<Self> {
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
                seconds(int.base10_digits()).ok_or_else(|| format!("`{int}` seconds are too long"))
            }
            Lit::Int(int) => millis(&format!("{}{}", int.base10_digits(), int.suffix())),
            Lit::Str(text) => millis(&text.value()),
            Lit::Float(float) => return Err(Error::new_spanned(&expr, fraction(option, float))),
            _ => Err("this is not a length of time".to_owned()),
        };
        match (millis, zero) {
            (Ok(0), Some(wrong)) => Err(Error::new_spanned(&expr, wrong)),
            (Ok(millis), _) => Ok(Self::Millis(millis)),
            (Err(why), _) => Err(Error::new_spanned(&expr, format!("{why}: {help}"))),
        }
    }
}

/// The literal that the whole expression is, also where `macro_rules` put it in a group.
pub(crate) fn literal(expr: &Expr) -> Option<&Lit> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Group(ExprGroup { expr, .. }) => literal(expr),
        _ => None,
    }
}

fn fraction(option: &str, float: &LitFloat) -> String {
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

/// `1h 30m` and the like, in milliseconds.
fn millis(text: &str) -> std::result::Result<u64, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("an empty string is not a length of time".into());
    }
    if let Some(millis) = rest
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| seconds(rest))
    {
        return millis.ok_or_else(|| format!("`{text}` seconds are too long"));
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (number, after) = take(rest, |c| c.is_ascii_digit());
        if number.is_empty() {
            return Err(format!("`{text}` is not a length of time"));
        }
        let (unit, after) = take(after.trim_start(), |c| c.is_ascii_alphabetic());
        let scale = scale(text, unit)?;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(scale))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("`{text}` is too long"))?;
        rest = after.trim_start();
    }
    Ok(total)
}

fn take(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}

fn scale(text: &str, unit: &str) -> std::result::Result<u64, String> {
    match UNITS.iter().find(|(names, _)| names.contains(&unit)) {
        Some((_, scale)) => Ok(*scale),
        None if unit.is_empty() => Err(format!("`{text}` has a number without a unit")),
        None => Err(format!(
            "`{unit}` is not a unit of time (ms, s, m, h, d, w, or `minutes` and the like)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_the_sum_of_its_parts() {
        for (text, expected) in [
            ("300", 300_000),
            ("5m", 300_000),
            ("250ms", 250),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            (" 1 h 30 m ", 5_400_000),
            ("1d", 86_400_000),
            ("2w", 1_209_600_000),
            ("0s", 0),
            ("60sec", 60_000),
            ("5min", 300_000),
            ("1hour30minutes", 5_400_000),
            ("1 hour 30 mins", 5_400_000),
            ("2hrs", 7_200_000),
            ("2days", 172_800_000),
            ("1 week", 604_800_000),
        ] {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused_with_its_reason() {
        for (text, why) in [
            ("", "an empty string"),
            ("1 fortnight", "`fortnight` is not a unit"),
            ("1h 30", "a number without a unit"),
            ("h", "not a length of time"),
            ("1,5h", "a number without a unit"),
            ("99999999999999999999", "too long"),
            ("99999999999999999w", "too long"),
        ] {
            let error = millis(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_fraction_is_rewritten_in_milliseconds() {
        for (typed, expected) in [("1.5", "1500ms"), ("0.25", "250ms"), ("2.0", "2000ms")] {
            let float: LitFloat = syn::parse_str(typed).unwrap();
            let error = fraction("timeout", &float);
            assert!(error.contains(expected), "{error}");
        }
    }
}
