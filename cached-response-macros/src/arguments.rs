//! The plan for each argument: the role that the options give it, and when it is extracted.

use crate::{
    coverage::{self, Role},
    diagnostics::Errors,
    handler::{Argument, Handler},
    names,
    options::{Lazy, Options, Query, suggestions::did_you_mean},
    types::{leaves, to_source, ungrouped},
};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Generics, Ident, Type, TypeParamBound, WherePredicate};

/// An argument with its role.
pub(crate) struct ArgumentPlan {
    pub(crate) argument: Argument,
    pub(crate) role: Role,
    /// Extracted only when the handler runs.
    pub(crate) lazy: bool,
}

impl ArgumentPlan {
    /// Returns true where an option replaces the coverage by type.
    pub(crate) fn is_declared(&self) -> bool {
        matches!(self.role, Role::Keyed | Role::Unkeyed)
    }
}

pub(crate) fn plan(options: &Options, handler: &Handler, errors: &mut Errors) -> Vec<ArgumentPlan> {
    let arguments = handler.arguments();
    let named = NamedArguments::of(options);
    named.check_names(&arguments, errors);
    if let Some(Query::Typed(word)) = &options.query
        && arguments.iter().all(coverage::reads_no_query)
    {
        errors.at(word.span(), NO_QUERY);
    }
    let plans: Vec<_> = arguments
        .into_iter()
        .map(|argument| named.plan(argument, errors))
        .collect();
    check_type_parameters(&plans, &handler.sig.generics, errors);
    plans
}

/// The error for `query = typed` on a handler without a `Query<T>`.
pub(crate) const NO_QUERY: &str = "`query = typed` keys the fields of a `Query<T>`, and this handler takes none: remove it, or name what the handler reads, `query(page, sort)`";

/// The names that the options mention.
struct NamedArguments<'a> {
    keyed: Vec<Ident>,
    unless: Vec<Ident>,
    gate: &'a [Ident],
    unkeyed: &'a [Ident],
    lazy: &'a [Ident],
    lazy_by_default: bool,
    /// Expressions in the options may read any argument, also one whose name is not seen in them, as
    /// in a format string.
    has_expressions: bool,
}

impl<'a> NamedArguments<'a> {
    fn of(options: &'a Options) -> Self {
        let key = options.key.iter().map(|part| &part.tokens);
        Self {
            keyed: key.flat_map(names::mentioned).collect(),
            unless: options
                .unless
                .as_ref()
                .map_or_else(Vec::new, names::mentioned),
            gate: &options.gate,
            unkeyed: &options.unkeyed,
            lazy: match &options.lazy {
                Some(Lazy::Named(names)) => names,
                _ => &[],
            },
            lazy_by_default: matches!(options.lazy, Some(Lazy::All)),
            has_expressions: !options.key.is_empty() || options.unless.is_some(),
        }
    }

    fn check_names(&self, arguments: &[Argument], errors: &mut Errors) {
        let known: Vec<Ident> = arguments.iter().flat_map(Argument::names).collect();
        let texts: Vec<String> = known.iter().map(ToString::to_string).collect();
        for name in self.gate.iter().chain(self.unkeyed).chain(self.lazy) {
            if !known.contains(name) {
                let meant = did_you_mean(&name.to_string(), texts.iter().map(String::as_str));
                errors.at(
                    name.span(),
                    format!("the handler has no argument `{name}`{meant}"),
                );
            }
        }
    }

    fn plan(&self, argument: Argument, errors: &mut Errors) -> ArgumentPlan {
        let named = |names: &[Ident]| names.iter().find(|name| argument.binds(name)).cloned();
        let mentions = Mentions {
            keyed: named(&self.keyed),
            unless: named(&self.unless),
            gate: named(self.gate),
            unkeyed: named(self.unkeyed),
            lazy: named(self.lazy),
        };
        mentions.check_conflicts(errors);
        let role = mentions.role(argument.is_unread());
        self.check_pattern(&argument, role, errors);
        let eager = role == Role::Gate || mentions.keyed.is_some() || mentions.unless.is_some();
        let determined = !self.has_expressions && coverage::is_determined_by_key(&argument);
        let by_default = self.lazy_by_default || determined;
        let lazy = mentions.lazy.is_some() || (by_default && !eager);
        ArgumentPlan {
            argument,
            role,
            lazy,
        }
    }

    /// Checks that the option names every part of a pattern: `(user, db)` with `unkeyed(db)` would
    /// leave the user out of the key.
    fn check_pattern(&self, argument: &Argument, role: Role, errors: &mut Errors) {
        let (named, option) = match role {
            Role::Keyed => (&*self.keyed, "key"),
            Role::Unkeyed => (self.unkeyed, "unkeyed"),
            Role::Covered | Role::Gate => return,
        };
        if coverage::is_covered(argument) {
            return;
        }
        for name in argument.names() {
            if !named.contains(&name) {
                errors.at(
                    name.span(),
                    format!("`{option}(..)` names a part of this argument, but not `{name}`: add it to `{option}(..)`, bind it to `_`, or take it as a separate argument"),
                );
            }
        }
    }
}

/// The places in the options that name one argument.
struct Mentions {
    keyed: Option<Ident>,
    unless: Option<Ident>,
    gate: Option<Ident>,
    unkeyed: Option<Ident>,
    lazy: Option<Ident>,
}

impl Mentions {
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

    fn check_conflicts(&self, errors: &mut Errors) {
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
                format!("`{name}` is in `key(..)` and in `unkeyed(..)`: remove one of the two"),
            );
        }
        if let (Some(name), Some(_)) = (gate, unkeyed) {
            errors.at(
                name.span(),
                format!("`gate(..)` hides `{name}` from the body, and `unkeyed(..)` lets the body read it: remove one of the two"),
            );
        }
        for (mention, option) in [(keyed, "key(..)"), (unless, "unless"), (gate, "gate(..)")] {
            if let (Some(_), Some(name)) = (mention, lazy) {
                errors.at(
                    name.span(),
                    format!(
                        "`{option}` needs `{name}` before the look-up: remove it from `lazy(..)`"
                    ),
                );
            }
        }
    }
}

/// Returns true where the type is a parameter of the function, or a projection of one: `T`,
/// `T::Tenant`, `<T as Tenancy>::Tenant`.
pub(crate) fn is_type_parameter(ty: &Type, generics: &Generics) -> bool {
    match ungrouped(ty) {
        Type::Path(path) if path.qself.is_some() => mentions_parameter(ty, generics),
        Type::Path(path) => path
            .path
            .segments
            .first()
            .is_some_and(|first| declares(generics, &first.ident)),
        Type::Macro(_) => mentions_parameter(ty, generics),
        _ => false,
    }
}

/// Adds an error for each argument whose type is a parameter, whose role is `Covered` or `Unkeyed`,
/// and whose bounds do not include `KeyCovered`. A parameter may stand for a request or a body: the
/// compiler knows only its bounds.
fn check_type_parameters(plans: &[ArgumentPlan], generics: &Generics, errors: &mut Errors) {
    let unproven = plans
        .iter()
        .filter(|plan| matches!(plan.role, Role::Covered | Role::Unkeyed));
    for plan in unproven {
        let parameters = leaves(&plan.argument.ty)
            .into_iter()
            .filter(|ty| is_type_parameter(ty, generics) && !is_bound(ty, generics));
        for ty in parameters {
            errors.push(Error::new_spanned(ty, unbound(plan, ty)));
        }
    }
}

fn unbound(plan: &ArgumentPlan, ty: &Type) -> String {
    let ty = to_source(&ty.to_token_stream());
    let names = plan.argument.names();
    let name = names
        .first()
        .map_or_else(|| "_".to_owned(), Ident::to_string);
    let (why, or) = match plan.role {
        Role::Unkeyed => (
            format!(
                "an `HttpRequest` or the body of the request, to which `unkeyed({name})` does not apply"
            ),
            String::new(),
        ),
        _ => (
            "any extractor, whose value need not be in the cache key".to_owned(),
            format!(", or, if it only authorizes the request, `gate({name})`"),
        ),
    };
    format!(
        "`{ty}` may be {why}: write `{ty}: cached_response::KeyCovered` in the bounds (for a type of your own, `impl<W> cached_response::KeyCovered<W> for YourType {{}}`), or a concrete type in its place{or}"
    )
}

/// Returns true where the bounds of the type include `KeyCovered`.
fn is_bound(ty: &Type, generics: &Generics) -> bool {
    let text = ty.to_token_stream().to_string();
    let inline = generics
        .type_params()
        .any(|parameter| parameter.ident == text && has_key_covered(&parameter.bounds));
    let predicates = generics
        .where_clause
        .iter()
        .flat_map(|clause| &clause.predicates);
    inline
        || predicates.into_iter().any(|predicate| match predicate {
            WherePredicate::Type(bound) => {
                bound.bounded_ty.to_token_stream().to_string() == text
                    && has_key_covered(&bound.bounds)
            }
            _ => false,
        })
}

fn has_key_covered<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> bool {
    bounds.into_iter().any(|bound| {
        matches!(bound, TypeParamBound::Trait(bound)
            if bound.path.segments.last().is_some_and(|last| last.ident == "KeyCovered"))
    })
}

fn declares(generics: &Generics, name: &Ident) -> bool {
    generics
        .type_params()
        .any(|parameter| parameter.ident == *name)
}

fn mentions_parameter(ty: &Type, generics: &Generics) -> bool {
    fn any(tokens: TokenStream, generics: &Generics) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => declares(generics, &ident),
            TokenTree::Group(group) => any(group.stream(), generics),
            _ => false,
        })
    }
    any(ty.to_token_stream(), generics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::{Signature, parse_str};

    fn are_parameters(signature: &str, types: &[&str]) -> Vec<bool> {
        let signature: Signature = parse_str(signature).unwrap();
        let is = |ty: &&str| is_type_parameter(&parse_str(ty).unwrap(), &signature.generics);
        types.iter().map(is).collect()
    }

    #[test]
    fn a_projection_of_a_type_parameter_is_a_type_parameter() {
        let types = [
            "T",
            "(T)",
            "T::Tenant",
            "<T as Tenancy>::Tenant",
            "<Option<T> as A>::B",
            "own!(T)",
        ];
        assert_eq!(are_parameters("fn f<T>()", &types), [true; 6]);
    }

    #[test]
    fn a_concrete_type_with_a_parameter_inside_is_no_type_parameter() {
        let types = [
            "Claims<T>",
            "web::Json<T>",
            "User",
            "own!(U)",
            "<U as A>::B",
        ];
        assert_eq!(
            are_parameters("fn f<T, const N: usize>()", &types),
            [false; 5]
        );
    }

    #[test]
    fn a_key_covered_bound_counts_inline_and_in_the_where_clause() {
        for (signature, bound) in [
            ("fn f<T: FromRequest + cached_response::KeyCovered>()", true),
            ("fn f<T: FromRequest>() where T: KeyCovered", true),
            (
                "fn f<T: FromRequest, U: KeyCovered>() where T: Clone",
                false,
            ),
        ] {
            let signature: Signature = parse_str(signature).unwrap();
            let ty = parse_str("T").unwrap();
            assert_eq!(is_bound(&ty, &signature.generics), bound);
        }
    }
}
