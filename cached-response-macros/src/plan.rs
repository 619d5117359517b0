//! Who plays which part: what the author says of each argument, and when it is extracted.

use crate::{
    args::{Args, Lazy, Query},
    errors::Errors,
    handler::Argument,
    names, rules, suggest,
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

impl Part {
    /// Whether the author's word stands in for what its type would say.
    pub(crate) fn is_spoken_of(&self) -> bool {
        matches!(self.role, Role::Keyed | Role::Unkeyed)
    }
}

/// The names that the options give.
struct Words<'a> {
    keyed: Vec<Ident>,
    unless: Vec<Ident>,
    gate: &'a [Ident],
    unkeyed: &'a [Ident],
    lazy: &'a [Ident],
    lazy_by_default: bool,
    /// Expressions of the author's may read any argument, also where no name of it is seen, as in
    /// a format string.
    read_before: bool,
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
        read_before: !args.key.is_empty() || args.unless.is_some(),
    };
    words.are_arguments(&arguments, errors);
    if let Some(Query::Typed(word)) = &args.query
        && arguments.iter().all(rules::is_no_query)
    {
        errors.at(word.span(), NO_QUERY);
    }
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

    /// A word on one name of a pattern says nothing of the others: `(user, db)` with `unkeyed(db)`
    /// would let the user through.
    fn speaks_of_all(&self, argument: &Argument, role: Role, errors: &mut Errors) {
        let (spoken, option) = match role {
            Role::Keyed => (&*self.keyed, "key"),
            Role::Unkeyed => (self.unkeyed, "unkeyed"),
            Role::Covered | Role::Gate => return,
        };
        if rules::is_covered(argument) {
            return;
        }
        for name in argument.names() {
            if !spoken.contains(&name) {
                errors.at(
                    name.span(),
                    format!("`{option}(..)` names a part of this argument, and not `{name}`: name it there, too, bind it to `_`, or make it an argument of its own"),
                );
            }
        }
    }

    fn part(&self, argument: Argument, errors: &mut Errors) -> Part {
        let named = |names: &[Ident]| names.iter().find(|name| argument.binds(name)).cloned();
        let said = Said {
            keyed: named(&self.keyed),
            unless: named(&self.unless),
            gate: named(self.gate),
            unkeyed: named(self.unkeyed),
            lazy: named(self.lazy),
        };
        said.contradictions(errors);
        let role = said.role(argument.is_unread());
        self.speaks_of_all(&argument, role, errors);
        let eager = role == Role::Gate || said.keyed.is_some() || said.unless.is_some();
        let told = !self.read_before && rules::is_told_by_key(&argument);
        let by_default = self.lazy_by_default || told;
        let lazy = said.lazy.is_some() || (by_default && !eager);
        Part {
            argument,
            role,
            lazy,
        }
    }
}

/// Where the options name one argument.
struct Said {
    keyed: Option<Ident>,
    unless: Option<Ident>,
    gate: Option<Ident>,
    unkeyed: Option<Ident>,
    lazy: Option<Ident>,
}

impl Said {
    /// `_user` is a gate, unless it is lazy: then it is only unused.
    fn role(&self, unread: bool) -> Role {
        match self {
            Self {
                unkeyed: Some(_), ..
            } => Role::Unkeyed,
            Self { gate: Some(_), .. } => Role::Gate,
            Self { lazy: None, .. } if unread => Role::Gate,
            Self { keyed: Some(_), .. } => Role::Keyed,
            _ => Role::Covered,
        }
    }

    fn contradictions(&self, errors: &mut Errors) {
        let Self {
            keyed,
            unless,
            gate,
            unkeyed,
            lazy,
        } = self;
        if let (Some(name), Some(_)) = (unkeyed, keyed) {
            errors.at(
                name.span(),
                format!("`{name}` is in `key(..)`, so it is not unkeyed: remove one of the two"),
            );
        }
        if let (Some(name), Some(_)) = (gate, unkeyed) {
            errors.at(
                name.span(),
                format!("`{name}` is unkeyed, so the body may read it, which a gate forbids: remove one of the two"),
            );
        }
        for (word, option) in [(keyed, "key(..)"), (unless, "unless"), (gate, "gate(..)")] {
            if let (Some(_), Some(name)) = (word, lazy) {
                errors.at(
                    name.span(),
                    format!("`{option}` needs `{name}` before the look-up, so it cannot be lazy"),
                );
            }
        }
    }
}

/// The mistake in `query = typed` on a handler without a `Query<T>`.
pub(crate) const NO_QUERY: &str = "`query = typed` keys the fields of a `Query<T>`, and this handler takes none: remove it, or name what the handler reads, `query(page, sort)`";

/// Expressions with commas between them, so that their tokens do not run into each other.
struct Separated(TokenStream);

impl FromIterator<TokenStream> for Separated {
    fn from_iter<I: IntoIterator<Item = TokenStream>>(parts: I) -> Self {
        let parts = parts.into_iter();
        Self(quote::quote!(#((#parts)),*))
    }
}
