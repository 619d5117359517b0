//! A fingerprint of source code: equal in every build of the same tokens, different where a token has
//! changed. It separates the responses of a handler from those of an earlier build.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use std::mem;

/// Returns the fingerprint of an attribute's options and of the item below it.
///
/// White space, comments and the documentation of the item do not count. Documentation inside the body
/// does, since a derive there may read it.
pub(crate) fn fingerprint(options: &TokenStream, item: &TokenStream) -> u128 {
    let mut hash = Fnv::default();
    hash.stream(options.clone());
    hash.text(TokenKind::Item, "");
    hash.stream(without_documentation(item.clone()));
    hash.0
}

/// The item without the documentation in front of it.
fn without_documentation(item: TokenStream) -> TokenStream {
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
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '#')
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

/// Kind of a hashed token.
#[derive(Clone, Copy)]
#[repr(u8)]
enum TokenKind {
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

    /// Hashes a text with its length, so that two tokens cannot be read as one.
    fn text(&mut self, kind: TokenKind, text: &str) {
        self.bytes(&[kind as u8]);
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    fn stream(&mut self, tokens: TokenStream) {
        let mut punctuation = String::new();
        for token in tokens {
            if let TokenTree::Punct(punct) = &token {
                punctuation.push(punct.as_char());
                if punct.spacing() == Spacing::Joint {
                    continue;
                }
            }
            self.punctuation(&mem::take(&mut punctuation));
            self.token(token);
        }
        self.punctuation(&punctuation);
    }

    fn token(&mut self, token: TokenTree) {
        match token {
            TokenTree::Ident(name) => self.text(TokenKind::Ident, &name.to_string()),
            TokenTree::Literal(value) => self.text(TokenKind::Literal, &value.to_string()),
            TokenTree::Group(group) => {
                self.text(TokenKind::Open, delimiter(group.delimiter()));
                self.stream(group.stream());
                self.text(TokenKind::Close, "");
            }
            TokenTree::Punct(_) => {}
        }
    }

    /// Hashes adjacent punctuation as the tokens that the compiler reads: `=-1` is `= -1`, and `a && b`
    /// is not `a & &b`.
    fn punctuation(&mut self, mut punctuation: &str) {
        while !punctuation.is_empty() {
            let whole = OPERATORS
                .iter()
                .find(|punct| punctuation.starts_with(**punct));
            let (token, rest) = punctuation.split_at(whole.map_or(1, |punct| punct.len()));
            self.text(TokenKind::Sign, token);
            punctuation = rest;
        }
    }
}

/// The operators of more than one character, the longest first.
const OPERATORS: [&str; 25] = [
    "<<=", ">>=", "...", "..=", "<<", ">>", "&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "*=",
    "/=", "%=", "^=", "&=", "|=", "->", "=>", "<-", "::", "..",
];

/// A fragment of a `macro_rules` macro has an invisible delimiter, which counts: `$sum * 2` differs from
/// `a + b * 2`.
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
