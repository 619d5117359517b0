//! Which variables an expression mentions.
//!
//! The rule that a leaky handler does not compile hangs on this: `key(page.user)` does not
//! mention an argument `user`, and neither does `key(ids.iter().map(|user| user.len()).sum())`.
//! In doubt a name is not mentioned, which is a compile error rather than a leak. Tokens, not
//! syntax, are looked at, so that what stands inside a macro call counts as well.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};

/// The variables mentioned, without those that the expression binds itself.
pub(crate) fn mentioned(tokens: TokenStream) -> Vec<Ident> {
    let mut used = Vec::new();
    walk(&flat(tokens), Delimiter::None, &[], &mut used);
    used
}

/// Where a binding ends that starts in a group of tokens: with the group at the latest.
fn walk(tokens: &[TokenTree], around: Delimiter, outer: &[Ident], used: &mut Vec<Ident>) {
    let mut scope = Scope {
        bound: outer.to_vec(),
        coming: Vec::new(),
        pattern_until: None,
    };
    for (at, token) in tokens.iter().enumerate() {
        scope.enter(tokens, at, around);
        match token {
            TokenTree::Group(group) if scope.pattern_until.is_some() => {
                walk(
                    &flat(group.stream()),
                    Delimiter::None,
                    &[],
                    &mut scope.coming,
                );
            }
            TokenTree::Group(group) => {
                walk(&flat(group.stream()), group.delimiter(), &scope.bound, used);
            }
            TokenTree::Ident(ident)
                if !is_variable(tokens, at, around) || scope.bound.contains(ident) => {}
            TokenTree::Ident(ident) if scope.pattern_until.is_some() => {
                scope.coming.push(ident.clone());
            }
            TokenTree::Ident(ident) => used.push(ident.clone()),
            _ => {}
        }
    }
}

/// What is bound at a place among tokens.
struct Scope {
    bound: Vec<Ident>,
    /// Bound by a pattern whose scope has not begun: after `let x = ..` it begins with the next
    /// statement, after `if let` and `for` with the block.
    coming: Vec<Ident>,
    pattern_until: Option<usize>,
}

impl Scope {
    fn enter(&mut self, tokens: &[TokenTree], at: usize, around: Delimiter) {
        let ended = self.pattern_until == Some(at);
        if ended {
            self.pattern_until = None;
        }
        let at_once = ended && (is(tokens, at, '|') || is(tokens, at + 1, '>'));
        let block =
            matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if at_once || (self.pattern_until.is_none() && (block || is(tokens, at, ';'))) {
            self.bound.append(&mut self.coming);
        }
        if self.pattern_until.is_none() && !ended {
            self.pattern_until = pattern_end(tokens, at, around);
        }
    }
}

/// Invisible groups, which `macro_rules` makes, are opened.
fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let opened = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => flat(group.stream()),
        other => vec![other],
    });
    opened.collect()
}

/// Where the pattern that starts after `at` ends: `let .. =`, `for .. in`, `|..|`, and in a
/// `match` everything up to `=>`.
fn pattern_end(tokens: &[TokenTree], at: usize, around: Delimiter) -> Option<usize> {
    let rest = || at + 1..tokens.len();
    match &tokens[at] {
        TokenTree::Ident(word) if word == "let" => rest().find(|next| is(tokens, *next, '=')),
        TokenTree::Ident(word) if word == "for" => rest().find(|next| word_at(tokens, *next, "in")),
        TokenTree::Punct(bar) if bar.as_char() == '|' && opens_closure(tokens, at) => {
            rest().find(|next| is(tokens, *next, '|'))
        }
        _ if around == Delimiter::Brace && starts_arm(tokens, at) => arm_end(tokens, at),
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

/// After an operand `|` is "or", everywhere else it opens the arguments of a closure.
fn opens_closure(tokens: &[TokenTree], at: usize) -> bool {
    const WORDS: [&str; 5] = ["move", "async", "return", "in", "else"];
    match at.checked_sub(1).map(|before| &tokens[before]) {
        None => true,
        Some(TokenTree::Punct(punct)) => !matches!(punct.as_char(), '?' | '|'),
        Some(TokenTree::Ident(word)) => WORDS.iter().any(|keyword| word == keyword),
        Some(TokenTree::Group(_) | TokenTree::Literal(_)) => false,
    }
}

/// Not a field or a method, part of a path, a macro's name, or the name of a field in a literal.
fn is_variable(tokens: &[TokenTree], at: usize, around: Delimiter) -> bool {
    let before = |back: usize| at.checked_sub(back);
    let after_dot = before(1).is_some_and(|dot| is(tokens, dot, '.'))
        && !before(2).is_some_and(|dot| is(tokens, dot, '.') && joint(tokens, dot));
    let after_colons = before(1).is_some_and(|colon| is(tokens, colon, ':'))
        && before(2).is_some_and(|colon| is(tokens, colon, ':') && joint(tokens, colon));
    let colons_follow = is(tokens, at + 1, ':') && is(tokens, at + 2, ':') && joint(tokens, at + 1);
    let names_field = around == Delimiter::Brace && is(tokens, at + 1, ':');
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

    fn of(expression: &str) -> Vec<String> {
        let tokens = expression.parse().unwrap();
        mentioned(tokens)
            .iter()
            .map(ToString::to_string)
            .filter(|name| name != "match" && name != "if")
            .collect()
    }

    #[test]
    fn a_variable_is_mentioned_wherever_it_stands() {
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
                of(expression).contains(&"user".to_owned()),
                "{expression}: {:?}",
                of(expression)
            );
        }
    }

    #[test]
    fn what_only_looks_like_the_variable_is_not_a_mention() {
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
            assert!(!of(expression).contains(&"user".to_owned()), "{expression}");
        }
    }

    #[test]
    fn or_is_not_a_closure() {
        assert_eq!(of("a | user | b"), ["a", "user", "b"]);
        assert_eq!(
            of("f(a) | user | b"),
            ["f", "a", "user", "b"].map(str::to_owned)
        );
    }
}
