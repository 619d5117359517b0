//! Key parts: types whose values are equal exactly when they share a response.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{ConnectionInfo, PeerAddr};
use actix_web::http::Method;
use actix_web::{Either, web};

use crate::key::KeyWriter;

/// A value that can join the cache key, as in `key(user.id, tenant)`.
///
/// Two values that write the same share a response, so an implementation
/// writes everything a response may depend on. `#[derive(KeyPart)]` does so
/// for all fields of a struct or an enum.
///
/// It is implemented for integers, `bool`, `char`, strings, addresses, `Duration`,
/// `Uuid` (feature `uuid`), `PeerAddr`, `ConnectionInfo`, for references, options, tuples, lists and ordered
/// maps of these, and for the extractors over them. It is not implemented for floats
/// (`NaN` is not equal to itself) nor for `HashMap` and `HashSet` (no order).
///
/// ```
/// use cached_response::{KeyPart, KeyWriter};
///
/// enum Tenant { Internal, Customer(u64) }
///
/// impl KeyPart for Tenant {
///     fn write(&self, key: &mut KeyWriter) {
///         match self {
///             Tenant::Internal => key.tag(0),
///             Tenant::Customer(id) => {
///                 key.tag(1);
///                 id.write(key);
///             }
///         }
///     }
/// }
///
/// fn can_be_keyed<T: KeyPart>() -> bool { true }
/// assert!(can_be_keyed::<(Tenant, Option<String>)>());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot join the cache key",
    label = "not a `KeyPart`",
    note = "derive it on a type of your own with `#[derive(cached_response::KeyPart)]`, \
            name the fields that matter, as in `key(user.id)`, \
            or write `key(serde(..))` around a value that implements `Serialize`"
)]
pub trait KeyPart {
    /// Writes this value. Equal values write the same.
    fn write(&self, key: &mut KeyWriter);
}

macro_rules! integers {
    ($write:ident: $($integer:ty)*) => {$(
        impl KeyPart for $integer {
            #[inline]
            fn write(&self, key: &mut KeyWriter) {
                key.$write((*self).into());
            }
        }

        impl KeyPart for NonZero<$integer> {
            #[inline]
            fn write(&self, key: &mut KeyWriter) {
                self.get().write(key);
            }
        }
    )*};
}

integers!(number: u8 u16 u32 u64 u128);
integers!(signed: i8 i16 i32 i64 i128);

// `usize` and `isize` have no `From` into 128 bits; no target has wider ones.
macro_rules! sizes {
    ($($size:ty: $write:ident as $wide:ty;)*) => {$(
        impl KeyPart for $size {
            #[inline]
            fn write(&self, key: &mut KeyWriter) {
                key.$write(*self as $wide);
            }
        }

        impl KeyPart for NonZero<$size> {
            #[inline]
            fn write(&self, key: &mut KeyWriter) {
                self.get().write(key);
            }
        }
    )*};
}

sizes!(usize: number as u128; isize: signed as i128;);

// Tags of types that write the same primitives.
const BOOL: u8 = 0;
const CHAR: u8 = 1;
const OPTION: u8 = 2;
const TUPLE: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const SET: u8 = 6;
const IPV4: u8 = 7;
const IPV6: u8 = 8;
const SOCKET: u8 = 9;
const DURATION: u8 = 10;
const EITHER: u8 = 11;
const METHOD: u8 = 12;
#[cfg(feature = "uuid")]
const UUID: u8 = 13;

impl KeyPart for bool {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(BOOL);
        key.tag((*self).into());
    }
}

impl KeyPart for char {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(CHAR);
        key.number(u32::from(*self).into());
    }
}

impl KeyPart for str {
    #[inline]
    fn write(&self, key: &mut KeyWriter) {
        key.text(self);
    }
}

impl KeyPart for String {
    #[inline]
    fn write(&self, key: &mut KeyWriter) {
        key.text(self);
    }
}

impl KeyPart for web::Bytes {
    fn write(&self, key: &mut KeyWriter) {
        key.bytes(self);
    }
}

impl KeyPart for Method {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(METHOD);
        key.text(self.as_str());
    }
}

// The value behind a pointer.
macro_rules! transparent {
    ($($holder:ty,)*) => {$(
        impl<T: KeyPart + ?Sized> KeyPart for $holder {
            #[inline]
            fn write(&self, key: &mut KeyWriter) {
                (**self).write(key);
            }
        }
    )*};
}

transparent!(&T, &mut T, Box<T>, Rc<T>, Arc<T>,);

macro_rules! extractors {
    ($($extractor:ty,)*) => {$(
        impl<T: KeyPart> KeyPart for $extractor {
            #[inline]
            fn write(&self, key: &mut KeyWriter) {
                (**self).write(key);
            }
        }
    )*};
}

extractors!(web::Path<T>, web::Query<T>, web::Json<T>, web::Form<T>,);

// `T: Clone`, as actix-web asks of it.
impl<T: KeyPart + Clone + 'static> KeyPart for web::ReqData<T> {
    #[inline]
    fn write(&self, key: &mut KeyWriter) {
        (**self).write(key);
    }
}

impl KeyPart for PeerAddr {
    fn write(&self, key: &mut KeyWriter) {
        self.0.write(key);
    }
}

/// All of its values.
impl KeyPart for ConnectionInfo {
    fn write(&self, key: &mut KeyWriter) {
        let origin = (self.host(), self.scheme());
        (origin, self.peer_addr(), self.realip_remote_addr()).write(key);
    }
}

impl<T: KeyPart + ToOwned + ?Sized> KeyPart for Cow<'_, T> {
    fn write(&self, key: &mut KeyWriter) {
        (**self).write(key);
    }
}

impl<T: KeyPart> KeyPart for Option<T> {
    #[inline]
    fn write(&self, key: &mut KeyWriter) {
        key.tag(OPTION);
        key.tag(self.is_some().into());
        if let Some(value) = self {
            value.write(key);
        }
    }
}

impl<L: KeyPart, R: KeyPart> KeyPart for Either<L, R> {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(EITHER);
        match self {
            Self::Left(left) => {
                key.tag(0);
                left.write(key);
            }
            Self::Right(right) => {
                key.tag(1);
                right.write(key);
            }
        }
    }
}

impl<T: KeyPart> KeyPart for [T] {
    fn write(&self, key: &mut KeyWriter) {
        sequence(LIST, self.iter(), key);
    }
}

impl<T: KeyPart, const N: usize> KeyPart for [T; N] {
    fn write(&self, key: &mut KeyWriter) {
        self.as_slice().write(key);
    }
}

impl<T: KeyPart> KeyPart for Vec<T> {
    fn write(&self, key: &mut KeyWriter) {
        self.as_slice().write(key);
    }
}

impl<T: KeyPart> KeyPart for VecDeque<T> {
    fn write(&self, key: &mut KeyWriter) {
        sequence(LIST, self.iter(), key);
    }
}

impl<T: KeyPart> KeyPart for BTreeSet<T> {
    fn write(&self, key: &mut KeyWriter) {
        sequence(SET, self.iter(), key);
    }
}

impl<K: KeyPart, V: KeyPart> KeyPart for BTreeMap<K, V> {
    fn write(&self, key: &mut KeyWriter) {
        sequence(MAP, self.iter(), key);
    }
}

fn sequence<T: KeyPart>(tag: u8, items: impl ExactSizeIterator<Item = T>, key: &mut KeyWriter) {
    key.tag(tag);
    key.count(items.len());
    for item in items {
        item.write(key);
    }
}

macro_rules! tuple {
    ($length:literal: $($name:ident)*) => {
        impl<$($name: KeyPart),*> KeyPart for ($($name,)*) {
            #[expect(non_snake_case, reason = "the types' names serve as the values'")]
            fn write(&self, key: &mut KeyWriter) {
                let ($($name,)*) = self;
                key.tag(TUPLE);
                key.count($length);
                $($name.write(key);)*
            }
        }
    };
}

tuple!(1: A);
tuple!(2: A B);
tuple!(3: A B C);
tuple!(4: A B C D);
tuple!(5: A B C D E);
tuple!(6: A B C D E F);
tuple!(7: A B C D E F G);
tuple!(8: A B C D E F G H);
tuple!(9: A B C D E F G H I);
tuple!(10: A B C D E F G H I J);
tuple!(11: A B C D E F G H I J K);
tuple!(12: A B C D E F G H I J K L);

impl KeyPart for () {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(TUPLE);
        key.count(0);
    }
}

impl<T: ?Sized> KeyPart for PhantomData<T> {
    fn write(&self, key: &mut KeyWriter) {
        ().write(key);
    }
}

impl KeyPart for Duration {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(DURATION);
        key.number(self.as_nanos());
    }
}

impl KeyPart for Ipv4Addr {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(IPV4);
        key.bytes(&self.octets());
    }
}

impl KeyPart for Ipv6Addr {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(IPV6);
        key.bytes(&self.octets());
    }
}

impl KeyPart for IpAddr {
    fn write(&self, key: &mut KeyWriter) {
        match self {
            Self::V4(address) => address.write(key),
            Self::V6(address) => address.write(key),
        }
    }
}

impl KeyPart for SocketAddrV4 {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(SOCKET);
        (self.ip(), self.port()).write(key);
    }
}

impl KeyPart for SocketAddrV6 {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(SOCKET);
        (self.ip(), self.port(), self.flowinfo(), self.scope_id()).write(key);
    }
}

impl KeyPart for SocketAddr {
    fn write(&self, key: &mut KeyWriter) {
        match self {
            Self::V4(address) => address.write(key),
            Self::V6(address) => address.write(key),
        }
    }
}

#[cfg(feature = "uuid")]
impl KeyPart for uuid::Uuid {
    fn write(&self, key: &mut KeyWriter) {
        key.tag(UUID);
        key.bytes(self.as_bytes());
    }
}

#[cfg(test)]
mod tests;
