//! The declared return type, which drives inference in the body as it did in the function.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericArgument, Path, PathArguments, ReturnType, Type, TypeParamBound, parse_quote};

/// The type with `_` for each `impl Trait`, or nothing where nothing else is left.
pub(super) fn expected(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    let mut ty = (**ty).clone();
    erase(&mut ty);
    (!matches!(ty, Type::Infer(_))).then_some(ty)
}

/// Replaces each `impl Trait` by `_`. Returns true where there was one.
fn erase(ty: &mut Type) -> bool {
    if matches!(ty, Type::ImplTrait(_)) {
        *ty = parse_quote!(_);
        return true;
    }
    parts_mut(ty)
        .into_iter()
        .fold(false, |erased, part| erase(part) | erased)
}

/// Traits and types that only the `impl Trait`s of the return type name. The emitted signature does not
/// have them; naming them once more keeps their imports in use.
#[derive(Default)]
pub(super) struct Opaque {
    traits: Vec<Path>,
    types: Vec<Type>,
}

impl Opaque {
    pub(super) fn of(output: &ReturnType) -> Self {
        let mut found = Self::default();
        if let ReturnType::Type(_, ty) = output {
            found.walk(&mut (**ty).clone());
        }
        found
    }

    /// Imports for the block of an item, which cannot name generics; traits have none here.
    pub(super) fn imports(&self) -> TokenStream {
        let traits = &self.traits;
        // They are imported so that the names in the return type count as used, and may be in scope already.
        quote!(#(#[allow(unused_imports, redundant_imports)] use #traits as _;)*)
    }

    /// Statements for a place where `Self` and generics can be named.
    pub(super) fn statements(&self) -> TokenStream {
        let types = &self.types;
        quote!(#(let _ = ::core::marker::PhantomData::<#types>;)*)
    }

    fn walk(&mut self, ty: &mut Type) {
        let Type::ImplTrait(opaque) = ty else {
            for part in parts_mut(ty) {
                self.walk(part);
            }
            return;
        };
        for bound in &mut opaque.bounds {
            let TypeParamBound::Trait(bound) = bound else {
                continue;
            };
            for segment in &mut bound.path.segments {
                for inner in arguments(&mut segment.arguments) {
                    self.argument(inner);
                }
                segment.arguments = PathArguments::None;
            }
            self.traits.push(bound.path.clone());
        }
    }

    fn argument(&mut self, ty: &mut Type) {
        let mut nameable = ty.clone();
        if erase(&mut nameable) {
            self.walk(ty);
        } else {
            self.types.push(nameable);
        }
    }
}

/// The types directly inside a type.
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
        GenericArgument::AssocType(bound) => Some(&mut bound.ty),
        _ => None,
    });
    types.collect()
}
