//! Probes for the type of an argument that an option names.
//!
//! `key(..)` and `unkeyed(..)` do not replace the options that `HttpRequest` and the body need. At
//! compile time [`Probe`] finds these types by autoref. It is resolved in the attribute's function, so a
//! type parameter is [`Unknown`] there; [`named`] classifies the type once more at run time, by its
//! name, and a route with an uncovered type then bypasses the cache.

use crate::{
    extract::covered::{KeyCovered, RouteOptions, Vary, WithBody},
    route::inputs::{ArgumentInfo, Inputs},
};
use actix_web::{Either, http::header::Header as Field, web::Header};
use std::{any::type_name, marker::PhantomData};

/// Classifies a type by autoref.
///
/// `(&&&Probe::<T>::NEW).class()` is [`Known`] where `T` is covered under *some* options, otherwise a
/// [`Holder`] where it is composed of parts, otherwise [`Unknown`]: method look-up removes one reference
/// after the other.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// The only value.
    pub const NEW: Self = Self(PhantomData);
}

/// Class of a type that is covered under some options.
#[derive(Debug)]
pub struct Known<T>(PhantomData<fn() -> T>);

/// Class of a type that is composed of parts, not all of which are known.
#[derive(Debug)]
pub struct Holder<T>(PhantomData<fn() -> T>);

/// Class of any other type.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unknown;

/// The first probe.
pub trait ProbeKnown {
    /// The class of the type.
    type Class;
    /// Returns the class.
    fn class(&self) -> Self::Class;
}

impl<T: KeyCovered<RouteOptions<Vary, WithBody>>> ProbeKnown for &&Probe<T> {
    type Class = Known<T>;
    fn class(&self) -> Known<T> {
        Known(PhantomData)
    }
}

/// The second probe. The attribute takes types apart as they are written, so this one finds only types
/// whose parts an alias hides.
pub trait ProbeHolder {
    /// The class of the type.
    type Class;
    /// Returns the class.
    fn class(&self) -> Self::Class;
}

macro_rules! holders {
    ($([$($part:ident)*] $holder:ty;)*) => {$(
        impl<$($part),*> ProbeHolder for &Probe<$holder> {
            type Class = Holder<$holder>;
            fn class(&self) -> Self::Class {
                Holder(PhantomData)
            }
        }
    )*};
}

holders! {
    [A] Option<A>;
    [A B] Result<A, B>;
    [A B] Either<A, B>;
    [A] (A,);
    [A B] (A, B);
    [A B C] (A, B, C);
    [A B C D] (A, B, C, D);
    [A B C D E] (A, B, C, D, E);
    [A B C D E F] (A, B, C, D, E, F);
    [A B C D E F G] (A, B, C, D, E, F, G);
    [A B C D E F G H] (A, B, C, D, E, F, G, H);
    [A B C D E F G H I] (A, B, C, D, E, F, G, H, I);
    [A B C D E F G H I J] (A, B, C, D, E, F, G, H, I, J);
    [A B C D E F G H I J K] (A, B, C, D, E, F, G, H, I, J, K);
    [A B C D E F G H I J K L] (A, B, C, D, E, F, G, H, I, J, K, L);
    [A B C D E F G H I J K L M] (A, B, C, D, E, F, G, H, I, J, K, L, M);
    [A B C D E F G H I J K L M N] (A, B, C, D, E, F, G, H, I, J, K, L, M, N);
    [A B C D E F G H I J K L M N O] (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O);
    [A B C D E F G H I J K L M N O P] (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P);
}

/// The last probe.
pub trait ProbeUnknown {
    /// Returns the class of an unknown type.
    fn class(&self) -> Unknown;
}

impl<T> ProbeUnknown for Probe<T> {
    fn class(&self) -> Unknown {
        Unknown
    }
}

/// Replaces the second probe for a `Header<H>` that no option names, on a route with `vary(..)`.
pub trait ProbeVaried {
    /// The class of the type.
    type Class;
    /// Returns the class.
    fn class(&self) -> Self::Class;
}

impl<H: Field> ProbeVaried for &Probe<Header<H>> {
    type Class = VariedHeader<H>;
    fn class(&self) -> VariedHeader<H> {
        VariedHeader::NEW
    }
}

/// Replaces the last probe there: any other type must be covered.
pub trait ProbeUncovered {
    /// The class of the type.
    type Class;
    /// Returns the class.
    fn class(&self) -> Self::Class;
}

impl<T> ProbeUncovered for Probe<T> {
    type Class = Known<T>;
    fn class(&self) -> Known<T> {
        Known(PhantomData)
    }
}

/// Class of a header argument on a route with `vary(..)`, which names the headers that `parse` reads.
#[derive(Debug)]
pub struct VariedHeader<H>(PhantomData<fn() -> H>);

impl<H> VariedHeader<H> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<B, S, H> CoveredBy<RouteOptions<Vary, B, S>> for VariedHeader<H> {
    fn facts(self) -> ArgumentInfo {
        ArgumentInfo::from_inputs(Inputs::HEADERS)
    }
}

/// A class of types that the options `W`, and the option that names the argument, cover.
#[diagnostic::on_unimplemented(
    message = "this argument gives the handler more of the request than the option that names it covers",
    label = "includes the request's headers, or its body",
    note = "for an `HttpRequest` take `request: cached_response::TrackedRequest` instead, or name every header that is read in `vary(..)`",
    note = "for a body write `body`, or name the argument in `key(..)`"
)]
pub trait CoveredBy<W> {
    /// Returns the inputs that a handler can depend on through it.
    fn facts(self) -> ArgumentInfo;
}

impl<W> CoveredBy<W> for Unknown {
    fn facts(self) -> ArgumentInfo {
        ArgumentInfo::UNKNOWN
    }
}

#[diagnostic::do_not_recommend]
impl<W, T: KeyCovered<W>> CoveredBy<W> for Known<T> {
    fn facts(self) -> ArgumentInfo {
        T::FACTS
    }
}

/// Types whose parts are written out. There are none: this is the error for an alias.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is an alias of a type with parts, one of which may be a request or a body",
    label = "has parts that the attribute cannot see",
    note = "write the type out in place of its alias, or give each part an argument of its own"
)]
pub trait WrittenOut {}

impl<W, T: WrittenOut> CoveredBy<W> for Holder<T> {
    fn facts(self) -> ArgumentInfo {
        ArgumentInfo::UNKNOWN
    }
}

/// Returns the facts of an argument that is a request or a body once the type parameters of the handler
/// are known. `body` means that the body is in the key.
pub fn named<T: ?Sized>(body: bool) -> ArgumentInfo {
    let seen = inputs_of_name(type_name::<T>());
    if body && seen.intersects(Inputs::UNDECLARABLE) {
        return ArgumentInfo::from_inputs(
            seen.difference(Inputs::UNDECLARABLE).union(Inputs::BODY),
        );
    }
    ArgumentInfo::from_inputs(seen)
}

/// Returns the inputs of the type with this [name](type_name): a whole request, or a body, also as a part
/// of an `Option`, a `Result`, an `Either` or a tuple. The tests fail where the compiler or actix-web
/// changes a name.
pub(crate) fn inputs_of_name(name: &str) -> Inputs {
    const HOLDERS: [&str; 4] = [
        "core::option::Option<",
        "core::result::Result<",
        "actix_web::types::either::Either<",
        "(",
    ];
    for holder in HOLDERS {
        if let Some(held) = name.strip_prefix(holder) {
            let held = &held[..held.len().saturating_sub(1)];
            return split_parts(held)
                .map(inputs_of_name)
                .fold(Inputs::NOTHING, Inputs::union);
        }
    }
    match name {
        "actix_web::request::HttpRequest" => ArgumentInfo::REQUEST.inputs,
        // No option declares a body here: such a route bypasses the cache.
        name if is_body(name) => Inputs::UNDECLARABLE,
        _ => Inputs::NOTHING,
    }
}

fn is_body(name: &str) -> bool {
    const WHOLE: [&str; 3] = [
        "bytes::bytes::Bytes",
        "alloc::string::String",
        "actix_web::types::payload::Payload",
    ];
    WHOLE.contains(&name)
        || name.starts_with("actix_web::types::json::Json<")
        || name.starts_with("actix_web::types::form::Form<")
}

/// Splits at commas outside brackets.
fn split_parts(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    list.split(move |character| {
        match character {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::{
        CoveredBy, Holder, Known, Probe, ProbeHolder as _, ProbeKnown as _, ProbeUnknown as _,
        inputs_of_name, named,
    };
    use crate::{
        extract::covered::{KeyCovered, NoBody, NoVary, RouteOptions, Vary, WithBody},
        route::inputs::Inputs,
    };
    use actix_web::{
        Either, Error, HttpRequest,
        dev::PeerAddr,
        web::{Bytes, Data, Form, Json, Path, Payload},
    };
    use std::{any::type_name, collections::HashMap};

    struct User;
    struct Neutral;
    impl<W> KeyCovered<W> for Neutral {}

    type Nothing = RouteOptions<NoVary, NoBody>;
    type All = RouteOptions<Vary, WithBody>;

    /// The expression of the attribute.
    macro_rules! class {
        ($ty:ty) => {
            (&&&Probe::<$ty>::NEW).class()
        };
    }

    #[test]
    fn a_probe_finds_covered_types_and_only_those() {
        let known = CoveredBy::<All>::facts(class!(Option<HttpRequest>));
        let neutral = CoveredBy::<Nothing>::facts(class!(Neutral));
        let user = CoveredBy::<Nothing>::facts(class!(User));
        let peer = CoveredBy::<Nothing>::facts(class!(PeerAddr));
        assert!(known.inputs.intersects(Inputs::REQUEST));
        assert_eq!(neutral.inputs, Inputs::QUERY);
        assert!(user.inputs.intersects(Inputs::UNKNOWN));
        assert!(peer.inputs.intersects(Inputs::UNKNOWN));
    }

    #[test]
    fn a_type_with_covered_parts_is_covered_or_a_holder() {
        let _: Holder<_> = class!((User, HttpRequest));
        let _: Holder<_> = class!(Option<User>);
        let _: Known<_> = class!((Neutral, HttpRequest));
    }

    #[test]
    fn a_body_without_an_option_is_undeclared() {
        assert!(
            named::<Bytes>(false)
                .inputs
                .intersects(Inputs::UNDECLARABLE)
        );
        assert_eq!(named::<Bytes>(true).inputs, Inputs::BODY);
        assert_eq!(named::<User>(false).inputs, Inputs::NOTHING);
    }

    fn seen<T>() -> Inputs {
        inputs_of_name(type_name::<T>())
    }

    #[test]
    fn a_request_is_found_in_every_composition() {
        for seen in [
            seen::<HttpRequest>(),
            seen::<Option<HttpRequest>>(),
            seen::<Result<HttpRequest, Error>>(),
            seen::<(Path<(u32, String)>, Option<(HttpRequest,)>)>(),
            seen::<Either<Path<u32>, HttpRequest>>(),
        ] {
            assert!(seen.intersects(Inputs::REQUEST));
        }
    }

    #[test]
    fn a_body_is_found_in_every_composition() {
        for seen in [
            seen::<Bytes>(),
            seen::<String>(),
            seen::<Payload>(),
            seen::<Option<Json<HashMap<String, u32>>>>(),
            seen::<(Path<u32>, Form<u32>)>(),
            seen::<Either<Json<u32>, Form<u32>>>(),
        ] {
            assert!(seen.intersects(Inputs::UNDECLARABLE));
        }
    }

    #[test]
    fn a_type_parameter_of_another_extractor_is_no_input() {
        assert_eq!(seen::<Path<String>>(), Inputs::NOTHING);
        assert_eq!(seen::<Data<HashMap<String, Bytes>>>(), Inputs::NOTHING);
        assert_eq!(seen::<Option<Path<(String, u32)>>>(), Inputs::NOTHING);
        assert_eq!(seen::<()>(), Inputs::NOTHING);
    }
}
