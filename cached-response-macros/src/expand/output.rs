//! The declared return type, which drives inference in the body as it did in the function.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, ReturnType, Type, TypeImplTrait, parse_quote};

/// The type with `_` for each `impl Trait`, or nothing where nothing else is left.
pub(super) fn expected(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    let mut ty = (**ty).clone();
    erase(&mut ty);
    (!matches!(ty, Type::Infer(_))).then_some(ty)
}

fn erase(ty: &mut Type) {
    if matches!(ty, Type::ImplTrait(_)) {
        *ty = parse_quote!(_);
        return;
    }
    parts_mut(ty).into_iter().for_each(erase);
}

/// `impl Responder` is gone from the emitted signature; naming its bounds once keeps their
/// imports in use.
pub(super) fn bounds(output: &ReturnType) -> TokenStream {
    let mut found = Vec::new();
    if let ReturnType::Type(_, ty) = output {
        opaque(&mut (**ty).clone(), &mut found);
    }
    quote! {
        #(const _: () = {
            #[allow(dead_code, clippy::all, clippy::pedantic)]
            fn __cached_response_output(_: #found) {}
        };)*
    }
}

/// The `impl Trait`s of a type, without those that name what a nested item cannot.
fn opaque(ty: &mut Type, found: &mut Vec<TypeImplTrait>) {
    if let Type::ImplTrait(bounds) = ty {
        let tokens = bounds.to_token_stream();
        let nameable = |word: &str| word != "Self" && word != "use";
        let text = tokens.to_string();
        if text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .all(nameable)
        {
            found.push(bounds.clone());
        }
        return;
    }
    parts_mut(ty)
        .into_iter()
        .for_each(|part| opaque(part, found));
}

/// The types that stand directly inside a type.
fn parts_mut(ty: &mut Type) -> Vec<&mut Type> {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .iter_mut()
            .flat_map(|segment| arguments(&mut segment.arguments))
            .collect(),
        Type::Tuple(tuple) => tuple.elems.iter_mut().collect(),
        Type::Paren(paren) => vec![&mut *paren.elem],
        Type::Group(group) => vec![&mut *group.elem],
        _ => Vec::new(),
    }
}

fn arguments(arguments: &mut PathArguments) -> Vec<&mut Type> {
    let PathArguments::AngleBracketed(list) = arguments else {
        return Vec::new();
    };
    let types = list.args.iter_mut().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}
