//! Who answers, in a name that all processes share: what tells a handler from every other, and from
//! what it was before a deploy. It begins the key of a response in a remote store.
//!
//! It is made of the name of the handler's type, its place in the source, a hash of its source and
//! its version. A name is not always one type's alone: all closures of a function are called
//! `main::{{closure}}`, and two types that are local to two blocks may be called the same. There the
//! number that the compiler gives to the type joins in, which is the same in every process of one
//! build; after a build with other dependencies or another compiler, such a handler starts anew.

use crate::key::KeyWriter;
use std::{
    any::{TypeId, type_name},
    hash::{Hash, Hasher},
    panic::Location,
    path::Path,
};

/// Where and how a handler is written.
#[derive(Clone, Copy, Debug)]
pub struct SourceLocation {
    kind: Kind,
    /// Module and name, or file.
    place: &'static str,
    /// Line and column, as the outermost macro has them.
    at: [u32; 2],
    /// What the attribute and the item below it hash to; the types of the arguments, where there is
    /// no attribute.
    text: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A function with the attribute; whether a macro has written it.
    Function { by_macro: bool },
    /// A handler that is wrapped, or a middleware.
    Built,
    /// A type of computed values.
    Value,
}

impl SourceLocation {
    /// That of a function with the attribute. `own` is where the attribute itself stands.
    pub const fn new(place: &'static str, at: [u32; 2], own: [u32; 2], hash: &'static str) -> Self {
        let by_macro = at[0] != own[0] || at[1] != own[1];
        Self {
            kind: Kind::Function { by_macro },
            place,
            at,
            text: hash,
        }
    }

    /// That of what is built at a place in the source. Where other arguments come to be in the key
    /// there, it is not the same.
    pub(crate) fn built(at: &'static Location<'static>, arguments: &'static str) -> Self {
        Self {
            kind: Kind::Built,
            place: portable(at.file()),
            at: [at.line(), at.column()],
            text: arguments,
        }
    }

    /// That of a type: none.
    pub(crate) const VALUE: Self = Self {
        kind: Kind::Value,
        place: "",
        at: [0; 2],
        text: "",
    };

    /// Module and name of a function, or a file.
    pub(crate) const fn place(&self) -> &'static str {
        self.place
    }

    /// Whether there can be no other type with this name and this source.
    fn is_of_one(&self, name: &str) -> bool {
        match self.kind {
            Kind::Function { by_macro } => {
                // The body, of which there is one.
                let name = name.strip_suffix("::{{closure}}").unwrap_or(name);
                let name = name.strip_prefix('<').unwrap_or(name);
                !name.contains('<') && (!by_macro || self.is_all_of(name))
            }
            Kind::Built => !name.contains(['<', '{']),
            Kind::Value => !name.contains('{'),
        }
    }

    /// Whether `name` is that of the function, or of the type that a routing macro makes of it. A
    /// macro may write several of a name in one place, but no two right in one module.
    fn is_all_of(&self, name: &str) -> bool {
        let rest = name.strip_prefix(self.place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" as ") && !rest.contains('{'))
    }
}

/// A file as every machine calls it. Where it is not the workspace's own, the compiler knows it by
/// an absolute path: of those that cargo has fetched, the user's folder is left out.
pub(crate) fn portable(file: &str) -> &str {
    if !Path::new(file).is_absolute() {
        return file;
    }
    let mut folders = ["registry/src/", "git/checkouts/"].into_iter();
    let fetched = folders.find_map(|folder| {
        let start = file.find(folder)? + folder.len();
        Some(&file[start..])
    });
    // `index.crates.io-1949cf8c6b5b557f/name-1.0.0/src/lib.rs`: a folder of one's own called
    // `registry` is not to be taken for it.
    let is_hashed = |rest: &&str| {
        let folder = rest.split('/').next().unwrap_or_default();
        let hash = folder.rsplit_once('-').map_or("", |(_, hash)| hash);
        hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    fetched.filter(is_hashed).unwrap_or(file)
}

/// The type that stands for a handler: its body, itself, or that of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandlerType {
    /// What this process tells it by.
    pub(crate) id: TypeId,
    name: fn() -> &'static str,
}

impl HandlerType {
    pub(crate) fn of<H: 'static>() -> Self {
        Self::named(TypeId::of::<H>(), type_name::<H>)
    }

    /// One that stands for another type.
    pub(crate) fn named(id: TypeId, name: fn() -> &'static str) -> Self {
        Self { id, name }
    }
}

const VERSION: u8 = 1;

/// The identity of a handler. Its parts cannot be taken for each other.
pub(crate) fn identity(
    handler: HandlerType,
    source: SourceLocation,
    version: Option<&str>,
) -> Box<[u8]> {
    let mut identity = KeyWriter::reuse(Vec::new());
    let name = (handler.name)();
    identity.text(name);
    identity.text(source.place);
    for number in source.at {
        identity.number(number.into());
    }
    identity.text(source.text);
    if let Some(version) = version {
        identity.tag(VERSION);
        identity.text(version);
    }
    if !source.is_of_one(name) {
        identity.bytes(&number(handler.id));
    }
    identity.into_buffer().into()
}

/// The number that the compiler has given to a type.
fn number(id: TypeId) -> Vec<u8> {
    struct Written(Vec<u8>);

    impl Hasher for Written {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }

    let mut written = Written(Vec::new());
    id.hash(&mut written);
    written.0
}

#[cfg(test)]
mod tests;
