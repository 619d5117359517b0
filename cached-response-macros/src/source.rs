//! What the author wrote, as a number that is the same in every build of it and another one where a
//! token has changed: it tells the responses of a handler from those of an earlier one.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use std::mem;

/// The fingerprint of an attribute's options, and of the item below it or what counts of it.
///
/// White space, comments and the item's own documentation change nothing. Documentation inside the
/// body counts, since a derive there may read it.
pub(crate) fn fingerprint(options: &TokenStream, item: &TokenStream) -> u128 {
    let mut hash = Fnv::default();
    hash.stream(options.clone());
    hash.text(Kind::Item, "");
    hash.stream(undocumented(item.clone()));
    hash.0
}

/// The item without the documentation in front of it.
fn undocumented(item: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in item {
        if is_documentation(&token) && matches!(kept.last(), Some(last) if is_hash(last)) {
            kept.pop();
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}

fn is_hash(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(sign) if sign.as_char() == '#')
}

/// `[doc ..]`
fn is_documentation(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else {
        return false;
    };
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket
        && matches!(first, Some(TokenTree::Ident(name)) if name == "doc")
}

/// What a token is.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    Item,
    Ident,
    Literal,
    Sign,
    Open,
    Close,
}

/// FNV-1a, of 128 bits.
struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        const PRIME: u128 = (1 << 88) + 0x13b;
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// With its length, so that no two tokens can be taken for one.
    fn text(&mut self, kind: Kind, text: &str) {
        self.bytes(&[kind as u8]);
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    fn stream(&mut self, tokens: TokenStream) {
        let mut signs = String::new();
        for token in tokens {
            if let TokenTree::Punct(sign) = &token {
                signs.push(sign.as_char());
                if sign.spacing() == Spacing::Joint {
                    continue;
                }
            }
            self.signs(&mem::take(&mut signs));
            self.token(token);
        }
        self.signs(&signs);
    }

    fn token(&mut self, token: TokenTree) {
        match token {
            TokenTree::Ident(name) => self.text(Kind::Ident, &name.to_string()),
            TokenTree::Literal(value) => self.text(Kind::Literal, &value.to_string()),
            TokenTree::Group(group) => {
                self.text(Kind::Open, delimiter(group.delimiter()));
                self.stream(group.stream());
                self.text(Kind::Close, "");
            }
            TokenTree::Punct(_) => {}
        }
    }

    /// Signs without a space between them, cut into the tokens that the compiler makes of them:
    /// `=-1` is `= -1`, and `a && b` is not `a & &b`.
    fn signs(&mut self, mut signs: &str) {
        while !signs.is_empty() {
            let whole = OPERATORS.iter().find(|sign| signs.starts_with(**sign));
            let (token, rest) = signs.split_at(whole.map_or(1, |sign| sign.len()));
            self.text(Kind::Sign, token);
            signs = rest;
        }
    }
}

/// The signs of more than one character, the longest first.
const OPERATORS: [&str; 25] = [
    "<<=", ">>=", "...", "..=", "<<", ">>", "&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "*=",
    "/=", "%=", "^=", "&=", "|=", "->", "=>", "<-", "::", "..",
];

/// A fragment of a `macro_rules` macro has no delimiter to be seen, and is one all the same:
/// `$sum * 2` is not what `a + b * 2` is.
fn delimiter(delimiter: Delimiter) -> &'static str {
    match delimiter {
        Delimiter::Parenthesis => "(",
        Delimiter::Brace => "{",
        Delimiter::Bracket => "[",
        Delimiter::None => "",
    }
}

#[cfg(test)]
mod tests;
