//! The variables that an expression mentions.
//!
//! The compile-time proof of arguments depends on this: `key(page.user)` does not mention an argument
//! `user`, and neither does `key(ids.iter().map(|user| user.len()).sum())`. In doubt a name is not
//! mentioned, which is a compile error rather than a leak. The analysis is of tokens rather than
//! syntax, so that it includes the arguments of macro calls.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};

/// Returns the variables mentioned, except those that the expression binds itself.
pub(crate) fn mentioned(tokens: TokenStream) -> Vec<Ident> {
    let mut used = Vec::new();
    walk(&flatten(tokens), Delimiter::None, &[], &mut used);
    used
}

/// Collects the variables of a group of tokens. A binding ends with its group at the latest.
fn walk(tokens: &[TokenTree], delimiter: Delimiter, outer: &[Ident], used: &mut Vec<Ident>) {
    let mut scope = Scope {
        bound: outer.to_vec(),
        pending: Vec::new(),
        pattern_until: None,
    };
    for (at, token) in tokens.iter().enumerate() {
        scope.enter(tokens, at, delimiter);
        match token {
            TokenTree::Group(group) if scope.pattern_until.is_some() => {
                walk(
                    &flatten(group.stream()),
                    Delimiter::None,
                    &[],
                    &mut scope.pending,
                );
            }
            TokenTree::Group(group) => {
                walk(
                    &flatten(group.stream()),
                    group.delimiter(),
                    &scope.bound,
                    used,
                );
            }
            TokenTree::Ident(ident)
                if !is_variable(tokens, at, delimiter) || scope.bound.contains(ident) => {}
            TokenTree::Ident(ident) if scope.pattern_until.is_some() => {
                scope.pending.push(ident.clone());
            }
            TokenTree::Ident(ident) => used.push(ident.clone()),
            _ => {}
        }
    }
}

/// The names that are bound at a position.
struct Scope {
    bound: Vec<Ident>,
    /// Names of a pattern whose scope has not begun: after `let x = ..` it begins with the next
    /// statement, after `if let` and `for` with the block.
    pending: Vec<Ident>,
    pattern_until: Option<usize>,
}

impl Scope {
    fn enter(&mut self, tokens: &[TokenTree], at: usize, delimiter: Delimiter) {
        let ended = self.pattern_until == Some(at);
        if ended {
            self.pattern_until = None;
        }
        let at_once = ended && (is(tokens, at, '|') || is(tokens, at + 1, '>'));
        let block =
            matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if at_once || (self.pattern_until.is_none() && (block || is(tokens, at, ';'))) {
            self.bound.append(&mut self.pending);
        }
        if self.pattern_until.is_none() && !ended {
            self.pattern_until = pattern_end(tokens, at, delimiter);
        }
    }
}

/// Flattens the invisible groups of `macro_rules`.
fn flatten(tokens: TokenStream) -> Vec<TokenTree> {
    let opened = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => flatten(group.stream()),
        other => vec![other],
    });
    opened.collect()
}

/// The end of the pattern that starts after `at`: `let .. =`, `for .. in`, `|..|`, and in a
/// `match` everything up to `=>`.
fn pattern_end(tokens: &[TokenTree], at: usize, delimiter: Delimiter) -> Option<usize> {
    let rest = || at + 1..tokens.len();
    match &tokens[at] {
        TokenTree::Ident(word) if word == "let" => rest().find(|next| is(tokens, *next, '=')),
        TokenTree::Ident(word) if word == "for" => rest().find(|next| word_at(tokens, *next, "in")),
        TokenTree::Punct(bar) if bar.as_char() == '|' && opens_closure(tokens, at) => {
            rest().find(|next| is(tokens, *next, '|'))
        }
        _ if delimiter == Delimiter::Brace && starts_arm(tokens, at) => arm_end(tokens, at),
        _ => None,
    }
}

fn starts_arm(tokens: &[TokenTree], at: usize) -> bool {
    match at.checked_sub(1).map(|before| &tokens[before]) {
        None => true,
        Some(TokenTree::Punct(punct)) => punct.as_char() == ',',
        Some(TokenTree::Group(block)) => block.delimiter() == Delimiter::Brace,
        Some(_) => false,
    }
}

fn arm_end(tokens: &[TokenTree], at: usize) -> Option<usize> {
    (at..tokens.len())
        .take_while(|next| !is(tokens, *next, ','))
        .find(|next| is(tokens, *next, '=') && is(tokens, next + 1, '>'))
}

/// After an operand `|` is "or"; otherwise it opens the parameters of a closure.
fn opens_closure(tokens: &[TokenTree], at: usize) -> bool {
    const WORDS: [&str; 5] = ["move", "async", "return", "in", "else"];
    match at.checked_sub(1).map(|before| &tokens[before]) {
        None => true,
        Some(TokenTree::Punct(punct)) => !matches!(punct.as_char(), '?' | '|'),
        Some(TokenTree::Ident(word)) => WORDS.iter().any(|keyword| word == keyword),
        Some(TokenTree::Group(_) | TokenTree::Literal(_)) => false,
    }
}

/// Returns false for a field or method, a part of a path, the name of a macro, and a field name in a
/// literal.
fn is_variable(tokens: &[TokenTree], at: usize, delimiter: Delimiter) -> bool {
    let before = |back: usize| at.checked_sub(back);
    let after_dot = before(1).is_some_and(|dot| is(tokens, dot, '.'))
        && !before(2).is_some_and(|dot| is(tokens, dot, '.') && joint(tokens, dot));
    let after_colons = before(1).is_some_and(|colon| is(tokens, colon, ':'))
        && before(2).is_some_and(|colon| is(tokens, colon, ':') && joint(tokens, colon));
    let colons_follow = is(tokens, at + 1, ':') && is(tokens, at + 2, ':') && joint(tokens, at + 1);
    let names_field = delimiter == Delimiter::Brace && is(tokens, at + 1, ':');
    let names_macro = is(tokens, at + 1, '!') && !is(tokens, at + 2, '=');
    !(after_dot || after_colons || colons_follow || names_field || names_macro)
}

fn is(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn joint(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.spacing() == Spacing::Joint)
}

fn word_at(tokens: &[TokenTree], at: usize, wanted: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(word)) if word == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(expression: &str) -> Vec<String> {
        let tokens = expression.parse().unwrap();
        mentioned(tokens)
            .iter()
            .map(ToString::to_string)
            .filter(|name| name != "match" && name != "if")
            .collect()
    }

    #[test]
    fn a_variable_is_found_in_every_position() {
        for expression in [
            "user",
            "user.id",
            "&user",
            "**user",
            "(1, user)",
            "f(user)",
            "a::f(&user.id)",
            "format!(\"{}\", user)",
            "[user; 2]",
            "0..user",
            "..user",
            "Point { x: user }",
            "Point { user }",
            "user != 1",
            "1 | user",
            "user.ids.iter().map(|id| id.len()).sum::<usize>()",
            "match user { Some(x) => x, None => 0 }",
            "{ let x = 1; user + x }",
            "{ let user = user; 1 }",
            "user.as_ref().map(|user| user.id)",
            "f(|user| user.id, 1) + user",
            "if let Some(user) = user { user.id } else { 0 }",
            "match user { Some(user) => user.id, None => 0 }",
            "{ for user in user { f(user) } 1 }",
        ] {
            assert!(
                variables(expression).contains(&"user".to_owned()),
                "{expression}: {:?}",
                variables(expression)
            );
        }
    }

    #[test]
    fn a_field_path_macro_or_bound_name_is_not_a_mention() {
        for expression in [
            "page.user",
            "page.user()",
            "user::id()",
            "user!(1)",
            "config::user",
            "Point { user: 1 }",
            "\"{user}\"",
            "ids.iter().map(|user| user.len()).sum()",
            "ids.iter().map(|(_, user)| user.len()).sum()",
            "ids.iter().map(move |user: &Id| user.len()).sum()",
            "{ let user = 1; user }",
            "match page { Some(user) => user.len(), None => 0 }",
            "match page { None => 0, Some(user) => user.len() }",
            "match page { None => {} Some(user) => user.len() }",
            "if let Some(user) = page { user } else { 0 }",
            "{ for user in ids { f(user) } 1 }",
        ] {
            assert!(
                !variables(expression).contains(&"user".to_owned()),
                "{expression}"
            );
        }
    }

    #[test]
    fn an_or_is_not_a_closure() {
        assert_eq!(variables("a | user | b"), ["a", "user", "b"]);
        assert_eq!(
            variables("f(a) | user | b"),
            ["f", "a", "user", "b"].map(str::to_owned)
        );
    }
}
