//! `#[derive(KeyPart)]`: writes all fields, and the index of the variant of an enum.

use crate::source::fingerprint;
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Error, Fields, Path, Result, WherePredicate, parse_quote};

pub(crate) fn key_part(item: TokenStream) -> Result<TokenStream> {
    let definition = definition(&item);
    let DeriveInput {
        attrs,
        ident,
        mut generics,
        data,
        ..
    } = syn::parse2(item)?;
    let krate = crate_path(&attrs)?;
    let part = quote!(#krate::KeyPart);
    let arms = arms(data, &part)?;
    let parameters: Vec<_> = generics
        .type_params()
        .map(|parameter| parameter.ident.clone())
        .collect();
    let predicates = &mut generics.make_where_clause().predicates;
    predicates.extend(
        parameters
            .into_iter()
            .map(|name| -> WherePredicate { parse_quote!(#name: #part) }),
    );
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #part for #ident #ty_generics #where_clause {
            fn write(&self, __cached_response_key: &mut #krate::__private::KeyWriter) {
                #krate::__private::KeyWriter::bytes(__cached_response_key, #definition);
                match *self { #arms }
            }
        }
    })
}

/// The fingerprint of the definition. A new build with another field or variant has other keys in a
/// remote store.
fn definition(item: &TokenStream) -> Literal {
    Literal::byte_string(&fingerprint(&TokenStream::new(), item).to_le_bytes())
}

/// `#[key_part(crate = path)]`
fn crate_path(attrs: &[Attribute]) -> Result<Path> {
    let mut krate = parse_quote!(::cached_response);
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("key_part")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("expected `crate = path`: every field is part of the key"));
            }
            krate = meta.value()?.call(Path::parse_mod_style)?;
            Ok(())
        })?;
    }
    Ok(krate)
}

fn arms(data: Data, part: &TokenStream) -> Result<TokenStream> {
    match data {
        Data::Struct(data) => arm(&quote!(Self), &data.fields, None, part),
        Data::Enum(data) => {
            let arms = data.variants.iter().zip(0_u32..).map(|(variant, index)| {
                let name = &variant.ident;
                arm(&quote!(Self::#name), &variant.fields, Some(index), part)
            });
            arms.collect()
        }
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            "a union does not record which of its fields is in use: derive `KeyPart` on a struct or an enum",
        )),
    }
}

/// `Name { field: ref binding, .. } => { .. }`
fn arm(
    name: &TokenStream,
    fields: &Fields,
    index: Option<u32>,
    part: &TokenStream,
) -> Result<TokenStream> {
    let writer = quote!(__cached_response_key);
    if let Some(attr) = fields
        .iter()
        .flat_map(|field| &field.attrs)
        .find(|attr| attr.path().is_ident("key_part"))
    {
        return Err(Error::new_spanned(
            attr,
            "every field is part of the key: remove the attribute",
        ));
    }
    let bindings: Vec<_> = (0..fields.len())
        .map(|n| format_ident!("__cached_response_field{n}"))
        .collect();
    let members = fields
        .members()
        .zip(&bindings)
        .map(|(member, binding)| quote!(#member: ref #binding));
    let index = index.map(|index| quote!(#part::write(&#index, #writer);));
    Ok(quote! {
        #name { #(#members),* } => {
            #index
            #(#part::write(#bindings, #writer);)*
        }
    })
}
