//! Who plays which part: what the author says of each argument, and when it is extracted.

use crate::{
    args::{Args, Lazy},
    errors::Errors,
    handler::Argument,
    names, suggest,
};
use proc_macro2::TokenStream;
use syn::Ident;

/// What the author says of an argument.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing.
    Covered,
    Keyed,
    Gate,
    Unkeyed,
}

/// An argument with its part.
pub(crate) struct Part {
    pub(crate) argument: Argument,
    pub(crate) role: Role,
    /// Extracted only when the handler runs.
    pub(crate) lazy: bool,
}

/// The names that the options give.
struct Words<'a> {
    keyed: Vec<Ident>,
    unless: Vec<Ident>,
    gate: &'a [Ident],
    unkeyed: &'a [Ident],
    lazy: &'a [Ident],
    lazy_by_default: bool,
}

pub(crate) fn plan(args: &Args, arguments: Vec<Argument>, errors: &mut Errors) -> Vec<Part> {
    let words = Words {
        keyed: names::mentioned(
            args.key
                .iter()
                .map(|part| part.tokens.clone())
                .collect::<Separated>()
                .0,
        ),
        unless: args.unless.clone().map_or_else(Vec::new, names::mentioned),
        gate: &args.gate,
        unkeyed: &args.unkeyed,
        lazy: match &args.lazy {
            Some(Lazy::Named(names)) => names,
            _ => &[],
        },
        lazy_by_default: matches!(args.lazy, Some(Lazy::All)),
    };
    words.are_arguments(&arguments, errors);
    arguments
        .into_iter()
        .map(|argument| words.part(argument, errors))
        .collect()
}

impl Words<'_> {
    fn are_arguments(&self, arguments: &[Argument], errors: &mut Errors) {
        let known: Vec<Ident> = arguments.iter().flat_map(Argument::names).collect();
        let texts: Vec<String> = known.iter().map(ToString::to_string).collect();
        for name in self.gate.iter().chain(self.unkeyed).chain(self.lazy) {
            if !known.contains(name) {
                let meant =
                    suggest::did_you_mean(&name.to_string(), texts.iter().map(String::as_str));
                errors.at(
                    name.span(),
                    format!("the handler has no argument `{name}`{meant}"),
                );
            }
        }
    }

    fn part(&self, argument: Argument, errors: &mut Errors) -> Part {
        let named = |names: &[Ident]| names.iter().find(|name| argument.binds(name)).cloned();
        let [keyed, unless, gate, unkeyed, lazy] = [
            &self.keyed[..],
            &self.unless,
            self.gate,
            self.unkeyed,
            self.lazy,
        ]
        .map(named);
        if let (Some(name), true) = (&unkeyed, keyed.is_some()) {
            errors.at(
                name.span(),
                format!("`{name}` is in `key(..)`, so it is not unkeyed: remove one of the two"),
            );
        }
        if let (Some(name), true) = (&gate, unkeyed.is_some()) {
            errors.at(name.span(), format!("`{name}` is unkeyed, so the body may read it, which a gate forbids: remove one of the two"));
        }
        let needed = [
            (&keyed, "key(..)"),
            (&unless, "unless"),
            (&gate, "gate(..)"),
        ];
        for (_, option) in needed.iter().filter(|(word, _)| word.is_some()) {
            if let Some(name) = &lazy {
                errors.at(
                    name.span(),
                    format!("`{option}` needs `{name}` before the look-up, so it cannot be lazy"),
                );
            }
        }
        let unread = argument.is_unread() && lazy.is_none();
        let role = match () {
            () if unkeyed.is_some() => Role::Unkeyed,
            () if gate.is_some() || unread => Role::Gate,
            () if keyed.is_some() => Role::Keyed,
            () => Role::Covered,
        };
        let eager = role == Role::Gate || keyed.is_some() || unless.is_some();
        let lazy = lazy.is_some() || (self.lazy_by_default && !eager);
        Part {
            argument,
            role,
            lazy,
        }
    }
}

/// Expressions with commas between them, so that their tokens do not run into each other.
struct Separated(TokenStream);

impl FromIterator<TokenStream> for Separated {
    fn from_iter<I: IntoIterator<Item = TokenStream>>(parts: I) -> Self {
        let parts = parts.into_iter();
        Self(quote::quote!(#((#parts)),*))
    }
}
