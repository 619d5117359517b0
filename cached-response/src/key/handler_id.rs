//! Identity of a handler, the same in all processes and another one after a deploy that changes it.
//! It is the first part of a response's key in a remote store.
//!
//! It consists of the name of the handler's type, its location in the source, a hash of its source
//! and its version. A type name is not unique: all closures of a function are called
//! `main::{{closure}}`, and two types that are local to two blocks may have one name. For these the
//! compiler's `TypeId` is added, which is the same in every process of one build; after a build with
//! other dependencies or another compiler such a handler has a new identity.

use crate::key::KeyWriter;
use std::{
    any::{TypeId, type_name},
    hash::{Hash, Hasher},
    panic::Location,
    path::Path,
};

/// Location and hash of a handler in the source.
#[derive(Clone, Copy, Debug)]
pub struct SourceLocation {
    kind: SourceKind,
    /// Module path and name, or file.
    place: &'static str,
    /// Line and column of the outermost macro call.
    at: [u32; 2],
    /// Hash of the attribute and its item; without an attribute, the types of the arguments.
    text: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum SourceKind {
    /// A function with the attribute, perhaps written by a macro.
    Function { by_macro: bool },
    /// A wrapped handler, or a middleware.
    Built,
    /// A type of values.
    Value,
}

impl SourceLocation {
    /// Location of a function with the attribute. `own` is the location of the attribute itself.
    pub const fn new(place: &'static str, at: [u32; 2], own: [u32; 2], hash: &'static str) -> Self {
        let by_macro = at[0] != own[0] || at[1] != own[1];
        Self {
            kind: SourceKind::Function { by_macro },
            place,
            at,
            text: hash,
        }
    }

    /// Location of a wrapped handler or middleware. Other argument types make another identity.
    pub(crate) fn built(at: &'static Location<'static>, arguments: &'static str) -> Self {
        Self {
            kind: SourceKind::Built,
            place: portable(at.file()),
            at: [at.line(), at.column()],
            text: arguments,
        }
    }

    /// Location of a type of values: none.
    pub(crate) const VALUE: Self = Self {
        kind: SourceKind::Value,
        place: "",
        at: [0; 2],
        text: "",
    };

    /// Returns true for the location of a type of values.
    pub(crate) const fn is_value(&self) -> bool {
        matches!(self.kind, SourceKind::Value)
    }

    /// Module path and name of a function, or a file.
    pub(crate) const fn place(&self) -> &'static str {
        self.place
    }

    /// Returns true where no other type can have this name and location.
    fn is_of_one(&self, name: &str) -> bool {
        match self.kind {
            SourceKind::Function { by_macro } => {
                // The body is the only closure.
                let name = name.strip_suffix("::{{closure}}").unwrap_or(name);
                let name = name.strip_prefix('<').unwrap_or(name);
                !name.contains('<') && (!by_macro || self.is_all_of(name))
            }
            SourceKind::Built => !name.contains(['<', '{']),
            SourceKind::Value => !name.contains('{'),
        }
    }

    /// Returns true for the name of the function, or of the type that a routing macro makes of it. A
    /// macro may write several functions of one name in one place, but no two in one module.
    fn is_all_of(&self, name: &str) -> bool {
        let rest = name.strip_prefix(self.place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" as ") && !rest.contains('{'))
    }
}

/// Returns a path that is the same on every machine. Files outside the workspace have absolute paths;
/// of those that cargo fetched the user's folder is removed.
pub(crate) fn portable(file: &str) -> &str {
    if !Path::new(file).is_absolute() {
        return file;
    }
    let mut folders = ["registry/src/", "git/checkouts/"].into_iter();
    let fetched = folders.find_map(|folder| {
        let start = file.find(folder)? + folder.len();
        Some(&file[start..])
    });
    // `index.crates.io-1949cf8c6b5b557f/name-1.0.0/src/lib.rs`, not any folder called `registry`.
    let is_hashed = |rest: &&str| {
        let folder = rest.split('/').next().unwrap_or_default();
        let hash = folder.rsplit_once('-').map_or("", |(_, hash)| hash);
        hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    fetched.filter(is_hashed).unwrap_or(file)
}

/// The type that identifies a handler: its body, itself, or that of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandlerType {
    /// Identity within this process.
    pub(crate) id: TypeId,
    name: fn() -> &'static str,
}

impl HandlerType {
    pub(crate) fn of<H: 'static>() -> Self {
        Self::named(TypeId::of::<H>(), type_name::<H>)
    }

    /// The name of the type.
    pub(crate) fn name(&self) -> &'static str {
        (self.name)()
    }

    /// A handler type with the name of another type.
    pub(crate) fn named(id: TypeId, name: fn() -> &'static str) -> Self {
        Self { id, name }
    }
}

const VERSION: u8 = 1;

/// Builds the identity of a handler. Its parts are delimited.
pub(crate) fn identity(
    handler: HandlerType,
    source: SourceLocation,
    version: Option<&str>,
) -> Box<[u8]> {
    let mut identity = KeyWriter::reuse(Vec::new());
    let name = handler.name();
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
        identity.bytes(&type_id_bytes(handler.id));
    }
    identity.into_buffer().into()
}

/// Returns the bytes of a `TypeId`, which it shows to a hasher only.
fn type_id_bytes(id: TypeId) -> Vec<u8> {
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
