//! Asks what is known of the type of an argument that the author says something of.
//!
//! No `key(..)` and no `unkeyed(..)` stands in for the words that `HttpRequest` and the body need.
//! At compile time [`Probe`] tells whether a type is one of these. It answers where the attribute
//! stands, so that a type parameter is [`Unknown`] whatever it is instantiated with: [`named`] asks
//! once more at run time, where every type is known, and what it finds bypasses the cache.

use crate::{
    extract::{
        covered::{KeyCovered, RouteOptions, Vary, WithBody, header_types::VariedHeader},
        type_names,
    },
    route::inputs::{ArgumentInfo, Inputs},
};
use actix_web::{Either, http::header::Header as Field, web::Header};
use std::{any::type_name, marker::PhantomData};

/// Asks what is known of a type, also where nothing is.
///
/// `(&&&Probe::<T>::NEW).class()` is [`Known`] where `T` is covered by *some* words, otherwise a
/// [`Holder`] where it is made of parts, otherwise [`Unknown`]: method look-up takes the references
/// off one by one.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// The only one.
    pub const NEW: Self = Self(PhantomData);
}

/// Of a type that is covered by some words.
#[derive(Debug)]
pub struct Known<T>(PhantomData<fn() -> T>);

/// Of a type that is made of parts, not all of which are known.
#[derive(Debug)]
pub struct Holder<T>(PhantomData<fn() -> T>);

/// Of a type that nothing is known of.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unknown;

/// The first that is tried.
pub trait ProbeKnown {
    /// What is known of it.
    type Class;
    /// Answers it.
    fn class(&self) -> Self::Class;
}

impl<T: KeyCovered<RouteOptions<Vary, WithBody>>> ProbeKnown for &&Probe<T> {
    type Class = Known<T>;
    fn class(&self) -> Known<T> {
        Known(PhantomData)
    }
}

/// The second. The attribute takes types apart as they are written, so that only those come here
/// whose parts are hidden behind another name.
pub trait ProbeHolder {
    /// What is known of it.
    type Class;
    /// Answers it.
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

/// The last.
pub trait ProbeUnknown {
    /// Answers that nothing is known.
    fn class(&self) -> Unknown;
}

impl<T> ProbeUnknown for Probe<T> {
    fn class(&self) -> Unknown {
        Unknown
    }
}

/// In place of the second and the last, for a `Header<H>` that nothing is said of on a route that
/// says `vary(..)`.
pub trait ProbeVaried {
    /// What is known of it.
    type Class;
    /// Answers it.
    fn class(&self) -> Self::Class;
}

impl<H: Field> ProbeVaried for &Probe<Header<H>> {
    type Class = VariedHeader<H>;
    fn class(&self) -> VariedHeader<H> {
        VariedHeader::NEW
    }
}

/// After that: whatever has not been known so far must be covered.
pub trait ProbeUncovered {
    /// What must be known of it.
    type Class;
    /// Answers it.
    fn class(&self) -> Self::Class;
}

impl<T> ProbeUncovered for Probe<T> {
    type Class = Known<T>;
    fn class(&self) -> Known<T> {
        Known(PhantomData)
    }
}

/// A class of types of which, after the author's word on the argument, nothing is left to be said
/// but `W`.
#[diagnostic::on_unimplemented(
    message = "this argument shows the handler more than the author's word on it covers",
    label = "sees the request's headers, or its body",
    note = "for an `HttpRequest` take `request: cached_response::TrackedRequest` instead, or name every header that is read in `vary(..)`",
    note = "for a body say `body`, or name the argument in `key(..)`"
)]
pub trait CoveredBy<W> {
    /// What a handler can see through it.
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

/// What the author's word covers only where it is written out. Nothing is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` hides what it is made of behind another name, and its parts may be a request or a body",
    label = "made of parts that the attribute does not see",
    note = "write the type out in place of its alias, or give each part an argument of its own"
)]
pub trait WrittenOut {}

impl<W, T: WrittenOut> CoveredBy<W> for Holder<T> {
    fn facts(self) -> ArgumentInfo {
        ArgumentInfo::UNKNOWN
    }
}

/// What a handler sees through an argument that turns out to be a request or a body once the type
/// parameters of the handler are known. `body` says that the body is in the key.
pub fn named<T: ?Sized>(body: bool) -> ArgumentInfo {
    let seen = type_names::through(type_name::<T>());
    if body && seen.any(Inputs::UNTOLD) {
        return ArgumentInfo::from_inputs(seen.without(Inputs::UNTOLD).and(Inputs::BODY));
    }
    ArgumentInfo::from_inputs(seen)
}

#[cfg(test)]
mod tests {
    use super::{
        CoveredBy, Holder, Known, Probe, ProbeHolder as _, ProbeKnown as _, ProbeUnknown as _,
        named,
    };
    use crate::extract::covered::{NoBody, NoVary};
    use crate::{
        extract::covered::{KeyCovered, RouteOptions, Vary, WithBody},
        route::inputs::Inputs,
    };
    use actix_web::{HttpRequest, dev::PeerAddr, web::Bytes};

    struct User;
    struct Neutral;
    impl<W> KeyCovered<W> for Neutral {}

    type Nothing = RouteOptions<NoVary, NoBody>;
    type All = RouteOptions<Vary, WithBody>;

    /// As the attribute asks.
    macro_rules! class {
        ($ty:ty) => {
            (&&&Probe::<$ty>::NEW).class()
        };
    }

    #[test]
    fn a_probe_knows_covered_types_and_only_those() {
        let known = CoveredBy::<All>::facts(class!(Option<HttpRequest>));
        let neutral = CoveredBy::<Nothing>::facts(class!(Neutral));
        let user = CoveredBy::<Nothing>::facts(class!(User));
        let peer = CoveredBy::<Nothing>::facts(class!(PeerAddr));
        assert!(known.inputs.any(Inputs::REQUEST));
        assert_eq!(neutral.inputs, Inputs::QUERY);
        assert!(user.inputs.any(Inputs::UNKNOWN));
        assert!(peer.inputs.any(Inputs::UNKNOWN));
    }

    #[test]
    fn a_type_that_is_made_of_parts_is_no_stranger() {
        let _: Holder<_> = class!((User, HttpRequest));
        let _: Holder<_> = class!(Option<User>);
        let _: Known<_> = class!((Neutral, HttpRequest));
    }

    #[test]
    fn a_body_that_no_word_covers_is_untold() {
        assert!(named::<Bytes>(false).inputs.any(Inputs::UNTOLD));
        assert_eq!(named::<Bytes>(true).inputs, Inputs::BODY);
        assert_eq!(named::<User>(false).inputs, Inputs::NOTHING);
    }
}
