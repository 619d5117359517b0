//! Arguments that are not shown the flag of a live answer: those that are called a `Query`.
//!
//! They are extracted through a type that has the flag's name in it, and taken out of that before
//! anything of the user's sees them.

use super::Expansion;
use crate::{args::Nocache, plan::Part, rules};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

const DEFAULT: &str = "nocache";

/// The name of the flag as a number, its last byte lowest. `None` without a flag, or where the name
/// is longer than sixteen bytes.
pub(super) fn packed(nocache: Option<&Nocache>) -> Option<u128> {
    let name = match nocache {
        Some(Nocache::Off) => return None,
        Some(Nocache::On {
            name: Some(name), ..
        }) => name,
        _ => DEFAULT,
    };
    let pack = |packed, byte| packed << 8 | u128::from(byte);
    (name.len() <= size_of::<u128>()).then(|| name.bytes().fold(0, pack))
}

impl Expansion {
    /// The flag that the argument is extracted without.
    pub(super) fn hidden_flag(&self, part: &Part) -> Option<u128> {
        self.flag
            .filter(|_| rules::is_plain_query(&part.argument, part.role))
    }

    /// The type that the argument is extracted as.
    pub(super) fn extracted(&self, part: &Part) -> TokenStream {
        let (private, ty) = (&self.private, &part.argument.ty);
        let Some(flag) = self.hidden_flag(part) else {
            return ty.to_token_stream();
        };
        let (words, flag) = (self.words(part.role), Literal::u128_unsuffixed(flag));
        quote!(#private::QueryWithoutFlag<#ty, #words, #flag>)
    }

    /// The pattern for what is [extracted](Self::extracted), where `pattern` is for the argument.
    pub(super) fn taken(&self, part: &Part, pattern: TokenStream) -> TokenStream {
        let private = &self.private;
        if self.hidden_flag(part).is_none() {
            return pattern;
        }
        quote!(#private::QueryWithoutFlag { argument: #pattern, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::{Nocache, packed};

    fn named(name: &str) -> Nocache {
        Nocache::On {
            name: Some(name.to_owned()),
            only_if: None,
        }
    }

    #[test]
    fn a_flag_is_packed_where_sixteen_bytes_hold_it() {
        let longest = named("0123456789abcdef");
        let expected = u128::from_be_bytes(*b"0123456789abcdef");
        assert_eq!(packed(Some(&longest)), Some(expected));
        assert_eq!(packed(Some(&named("0123456789abcdefg"))), None);
        assert_eq!(packed(Some(&Nocache::Off)), None);
        assert_eq!(packed(None), packed(Some(&named("nocache"))));
    }
}
