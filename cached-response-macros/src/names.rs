//! The variables that an expression mentions.
//!
//! The compile-time proof of arguments depends on this: `key(page.user)` does not mention an argument
//! `user`, and neither does `key(ids.iter().map(|user| user.len()).sum())`. In doubt a name is not
//! mentioned, which is a compile error rather than a leak: a name counts as bound wherever it may be, and
//! the arguments of an unknown macro mention nothing. The analysis is of tokens rather than syntax, so that it
//! includes the arguments of macro calls.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};
use syn::ext::IdentExt;

/// Returns the variables mentioned, except those that the expression binds itself.
pub(crate) fn mentioned(tokens: TokenStream) -> Vec<Ident> {
    let mut used = Vec::new();
    walk(&flatten(tokens), Delimiter::None, &[], &mut used);
    used
}

/// Returns true where the identifier stands anywhere in the tokens.
pub(crate) fn contain(tokens: TokenStream, identifier: &str) -> bool {
    let mut all = Vec::new();
    tokens
        .into_iter()
        .for_each(|token| collect(&token, &mut all));
    all.iter().any(|name| name == identifier)
}

/// Collects the variables of a group of tokens. A binding ends with its group at the latest.
fn walk(tokens: &[TokenTree], delimiter: Delimiter, outer: &[Ident], used: &mut Vec<Ident>) {
    let Some(mut scope) = Scope::of(tokens, outer) else {
        return;
    };
    let mut next = 0;
    while next < tokens.len() {
        let at = next;
        next += 1;
        if let Some(end) = passive_end(tokens, at) {
            next = end;
            continue;
        }
        scope.enter(tokens, at, delimiter);
        match &tokens[at] {
            token if scope.pattern_until.is_some() => collect(token, &mut scope.pending),
            TokenTree::Group(group) => {
                let mut inner = flatten(group.stream());
                inner.truncate(readable(tokens, at, &inner));
                walk(&inner, group.delimiter(), &scope.bound, used);
            }
            TokenTree::Ident(ident)
                if is_variable(tokens, at, delimiter) && !scope.bound.contains(&ident.unraw()) =>
            {
                used.push(ident.clone());
            }
            _ => {}
        }
    }
}

/// Collects every identifier, also those of a pattern that bind nothing.
fn collect(token: &TokenTree, names: &mut Vec<Ident>) {
    match token {
        TokenTree::Ident(ident) => names.push(ident.unraw()),
        TokenTree::Group(group) => {
            let tokens = group.stream().into_iter();
            tokens.for_each(|token| collect(&token, names));
        }
        TokenTree::Punct(_) | TokenTree::Literal(_) => {}
    }
}

/// The names that are bound at a position.
struct Scope {
    bound: Vec<Ident>,
    /// Names of a pattern whose scope has not begun: after `let x = ..` it begins with the next
    /// statement, after `if let` and `for` with the block, in a chain with the next `&&`.
    pending: Vec<Ident>,
    pattern_until: Option<usize>,
}

impl Scope {
    /// The scope of a group. Its items are bound everywhere in it; `None` where they may have any name.
    fn of(tokens: &[TokenTree], outer: &[Ident]) -> Option<Self> {
        let mut bound = outer.to_vec();
        for at in (0..tokens.len()).filter(|at| starts_item(tokens, *at)) {
            let head = &tokens[at..item_end(tokens, at)];
            if word_at(tokens, at, "use") {
                if head.iter().any(has_glob) {
                    return None;
                }
                for token in head {
                    collect(token, &mut bound);
                }
            } else {
                let names = head
                    .iter()
                    .filter(|token| matches!(token, TokenTree::Ident(_)));
                names.for_each(|token| collect(token, &mut bound));
            }
        }
        Some(Self {
            bound,
            pending: Vec::new(),
            pattern_until: None,
        })
    }

    fn enter(&mut self, tokens: &[TokenTree], at: usize, delimiter: Delimiter) {
        let ended = self.pattern_until == Some(at);
        if ended {
            self.pattern_until = None;
        }
        let at_once = ended && (is(tokens, at, '|') || is(tokens, at + 1, '>'));
        let block =
            matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        let begins = block || is(tokens, at, ';') || is_pair(tokens, at, ['&', '&']);
        if at_once || (self.pattern_until.is_none() && begins) {
            self.bound.append(&mut self.pending);
        }
        if self.pattern_until.is_none() && !ended {
            self.pattern_until = pattern_end(tokens, at, delimiter);
        }
    }
}

/// The end of tokens that cannot read a variable: of an item, which captures none, and of an attribute.
fn passive_end(tokens: &[TokenTree], at: usize) -> Option<usize> {
    if starts_item(tokens, at) {
        return Some(item_end(tokens, at));
    }
    let bracket = if is(tokens, at + 1, '!') {
        at + 2
    } else {
        at + 1
    };
    (is(tokens, at, '#') && is_group(tokens, bracket, Delimiter::Bracket)).then_some(bracket + 1)
}

fn starts_item(tokens: &[TokenTree], at: usize) -> bool {
    const NAMED: [&str; 9] = [
        "fn", "const", "static", "struct", "enum", "union", "trait", "type", "mod",
    ];
    let TokenTree::Ident(word) = &tokens[at] else {
        return false;
    };
    let is_named = matches!(tokens.get(at + 1), Some(TokenTree::Ident(next)) if next != "move");
    let is_block = is_group(tokens, at + 1, Delimiter::Brace);
    match word.to_string().as_str() {
        "use" | "impl" | "extern" => true,
        "macro_rules" => is(tokens, at + 1, '!'),
        "const" if is_block => true,
        word => is_named && NAMED.contains(&word),
    }
}

/// The end of an item: behind its first block or semicolon, or of the tokens.
fn item_end(tokens: &[TokenTree], at: usize) -> usize {
    let end = |next: &usize| {
        is(tokens, *next, ';')
            || (is_group(tokens, *next, Delimiter::Brace) && !word_at(tokens, at, "use"))
    };
    (at + 1..tokens.len())
        .find(end)
        .map_or(tokens.len(), |last| last + 1)
}

fn has_glob(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(punct) => punct.as_char() == '*',
        TokenTree::Group(group) => group.stream().into_iter().any(|token| has_glob(&token)),
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    }
}

/// The number of tokens of the group at `at` that are read as an expression: all but those of a macro with
/// a syntax of its own.
fn readable(tokens: &[TokenTree], at: usize, inner: &[TokenTree]) -> usize {
    const KEYWORDS: [&str; 9] = [
        "if", "while", "match", "return", "in", "else", "break", "async", "move",
    ];
    const EXPRESSIONS: [&str; 4] = ["format", "format_args", "vec", "dbg"];
    let Some(TokenTree::Ident(name)) = at.checked_sub(2).map(|before| &tokens[before]) else {
        return inner.len();
    };
    let is_one = |words: &[&str]| words.iter().any(|word| name == word);
    if !is(tokens, at - 1, '!') || is_one(&KEYWORDS) || is_one(&EXPRESSIONS) {
        return inner.len();
    }
    if name == "matches" {
        let comma = (0..inner.len()).find(|next| is(inner, *next, ','));
        return comma.unwrap_or(inner.len());
    }
    0
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
    const WORDS: [&str; 10] = [
        "move", "async", "static", "return", "break", "in", "else", "if", "while", "match",
    ];
    match at.checked_sub(1).map(|before| &tokens[before]) {
        None => true,
        Some(TokenTree::Punct(punct)) => !matches!(punct.as_char(), '?' | '|'),
        Some(TokenTree::Ident(word)) => WORDS.iter().any(|keyword| word == keyword),
        // Behind a block it may begin a statement, and behind an attribute a closure.
        Some(TokenTree::Group(group)) => match group.delimiter() {
            Delimiter::Brace => true,
            Delimiter::Bracket => at.checked_sub(2).is_some_and(|hash| is(tokens, hash, '#')),
            Delimiter::Parenthesis | Delimiter::None => false,
        },
        Some(TokenTree::Literal(_)) => false,
    }
}

/// Returns false for a field or method, a part of a path, the name of a macro, of a type, of a label, of an
/// argument or a variable that is assigned, and a field name in a literal.
fn is_variable(tokens: &[TokenTree], at: usize, delimiter: Delimiter) -> bool {
    let before = |back: usize| at.checked_sub(back);
    let after_dot = before(1).is_some_and(|dot| is(tokens, dot, '.'))
        && !before(2).is_some_and(|dot| is(tokens, dot, '.') && joint(tokens, dot));
    let after_colons = before(1).is_some_and(|colon| is(tokens, colon, ':'))
        && before(2).is_some_and(|colon| is(tokens, colon, ':') && joint(tokens, colon));
    let colons_follow = is(tokens, at + 1, ':') && is(tokens, at + 2, ':') && joint(tokens, at + 1);
    let names_field = delimiter == Delimiter::Brace && is(tokens, at + 1, ':');
    let names_macro = is(tokens, at + 1, '!') && !is(tokens, at + 2, '=');
    let names_target = is(tokens, at + 1, '=')
        && !is_pair(tokens, at + 1, ['=', '='])
        && !is_pair(tokens, at + 1, ['=', '>']);
    let names_label = before(1).is_some_and(|quote| is(tokens, quote, '\''));
    let names_type = before(1).is_some_and(|word| word_at(tokens, word, "as"))
        || (before(1).is_some_and(|less| is(tokens, less, '<'))
            && before(2).is_some_and(|colon| is(tokens, colon, ':')));
    !(after_dot
        || after_colons
        || colons_follow
        || names_field
        || names_macro
        || names_target
        || names_label
        || names_type)
}

fn is(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_pair(tokens: &[TokenTree], at: usize, [first, second]: [char; 2]) -> bool {
    is(tokens, at, first) && joint(tokens, at) && is(tokens, at + 1, second)
}

fn is_group(tokens: &[TokenTree], at: usize, wanted: Delimiter) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Group(group)) if group.delimiter() == wanted)
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

    /// Expressions that read `user`.
    const READS: &[&str] = &[
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
        "format!(\"{}\", user.id)",
        "std::format!(\"{name}\", name = user.name)",
        "vec![page.id, user.id]",
        "matches!(user.role, Some(role) if role > 3)",
        "matches!(user, Admin { .. })",
        "if !(user.admin) { 1 } else { 0 }",
        "if let Some(user) = user && user.active { 1 } else { 0 }",
        "page.active && user.active",
        "{ let other: u32 = user.id; other }",
        "{ fn f(id: u32) -> u32 { id } f(user.id) }",
        "{ use std::fmt::Write; f(user.id) }",
        "{ #[allow(unused)] let x = user.id; x }",
        "user.id as u64",
        "user as u64",
        "user == page.author",
        "{ let mut x = 0; x += user; x }",
        "page.id | user.id | page.no",
        "&& user",
        "unsafe { f(user) }",
        "async { user.id }",
        "loop { break user.id }",
    ];

    #[test]
    fn a_variable_is_found_in_every_position() {
        for expression in READS {
            assert!(
                variables(expression).contains(&"user".to_owned()),
                "{expression}: {:?}",
                variables(expression)
            );
        }
    }

    /// Expressions in which `user` is something else than the variable outside.
    const OTHERS: &[&str] = &[
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
        "{ let user: u32 = page.author; user }",
        "{ let f = |user: u32| user + 1; f(page.author) }",
        "{ let Some(user) = page.author else { return 0 }; user }",
        "{ let Page { author: user, .. } = page; user }",
        "{ let Page { user, .. } = page; user }",
        "{ let (ref user, _) = page; user }",
        "{ let r#user = 1; user }",
        "ids.iter().map(|r#user| user.len()).sum()",
        "if let Some(user) = &page.author && user.active { user.id } else { 0 }",
        "if page.active && let Some(user) = &page.author && user.active { user.id } else { 0 }",
        "while let Some(user) = ids.next() && user.active { f(user) }",
        "matches!(page.author, Some(user) if user > 3)",
        "assert_matches!(page.author, Some(user) if user > 3)",
        "my_macro!(user)",
        "my_macro! { user }",
        "stringify!(user)",
        "cfg!(user)",
        "format!(\"{user}\", user = page.author)",
        "format!(\"{user}\", user =&page.author)",
        "{ let x; user = page.id; x }",
        "{ fn f(user: u32) -> u32 { user } f(page.author) }",
        "{ const fn f(user: u32) -> u32 { user } f(page.author) }",
        "{ fn user() -> u32 { 1 } user() }",
        "{ const user: u32 = 1; user }",
        "user2 + { static user: u32 = 1; user }",
        "{ f(user); const user: u32 = 1; 1 }",
        "{ use config::id as user; user }",
        "{ use config::{a, user}; user }",
        "{ use config::*; user }",
        "{ struct user; f(user) }",
        "{ enum E { user } 1 }",
        "{ impl T for S { fn f(user: u32) -> u32 { user } } 1 }",
        "{ macro_rules! user { () => { user } } 1 }",
        "{ macro_rules! f { ($user:expr) => { user } } 1 }",
        "const { user }",
        "{ type user = u32; 1 }",
        "{ #[cfg(user)] let x = 1; x }",
        "'user: loop { break 'user 1 }",
        "page.id as user",
        "Vec::<user>::new()",
        "f(#[inline] |user| user.id)",
        "{ {} |user| user.id }",
        "match page { Foo::<A, B>::C(user) => user, _ => 0 }",
        "match page { Some(x) if let Some(user) = x => user, _ => 0 }",
        "match page { user @ 1..=3 => user, _ => 0 }",
        "match page { [.., user] => user, _ => 0 }",
        "match page { Page { user: user } => user }",
    ];

    #[test]
    fn a_field_path_macro_or_bound_name_is_not_a_mention() {
        for expression in OTHERS {
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
