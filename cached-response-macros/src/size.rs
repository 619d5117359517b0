//! `65536`, `64KiB`, `"64 KiB"`, or an expression of type `usize`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Error, Expr, Lit, Result, parse::ParseStream};

/// A number of bytes.
pub(crate) enum Size {
    Bytes(u64),
    Expr(Box<Expr>),
}

const UNITS: &[(&str, u64)] = &[
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
    /// `option` is the word on the left of the `=`.
    pub(crate) fn parse(option: &str, input: ParseStream<'_>) -> Result<Self> {
        let expr: Expr = input.parse()?;
        let help = format!(
            "write a number of bytes (`{option} = 65536`) or a unit (`{option} = \"64KiB\"`)"
        );
        let text = match super::duration::literal(&expr) {
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
                format!("a `{option}` of zero bytes lets nothing through: {help}"),
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
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number
        .replace('_', "")
        .parse::<u64>()
        .ok()?
        .checked_mul(*scale)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("65536", 65_536),
            ("65_536", 65_536),
            ("64KiB", 65_536),
            ("64 KiB", 65_536),
            ("64k", 65_536),
            ("1MB", 1_000_000),
            (" 2 mib ", 2_097_152),
            ("1GiB", 1 << 30),
            ("9b", 9),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "KiB",
            "1.5MiB",
            "-1",
            "1 XB",
            "1KiB 2B",
            "99999999999999999999",
            "99999999999999GiB",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
