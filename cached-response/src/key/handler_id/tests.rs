use super::*;
use std::collections::HashSet;

const AT: [u32; 2] = [3, 1];

fn function(place: &'static str, hash: &'static str) -> SourceLocation {
    SourceLocation::new(place, AT, AT, hash)
}

struct One;
struct Other;

/// The identity of a function that is one of two types of this name.
fn of<T: 'static>(
    name: fn() -> &'static str,
    source: SourceLocation,
    version: Option<&str>,
) -> Box<[u8]> {
    identity(HandlerType::named(TypeId::of::<T>(), name), source, version)
}

/// What a handler's type is called, and where it stands.
type Named = (fn() -> &'static str, SourceLocation);

#[test]
fn no_part_can_be_taken_for_another() {
    let identities = [
        of::<One>(|| "a", function("bc", "d"), None),
        of::<One>(|| "ab", function("c", "d"), None),
        of::<One>(|| "a", function("b", "cd"), None),
        of::<One>(|| "a", function("bc", ""), None),
        of::<One>(|| "a", function("bc", ""), Some("d")),
        of::<One>(|| "a", function("bc", "d"), Some("d2")),
        of::<One>(
            || "a",
            SourceLocation::new("bc", [31, 1], [31, 1], "d"),
            None,
        ),
        of::<One>(
            || "a",
            SourceLocation::new("bc", [3, 11], [3, 11], "d"),
            None,
        ),
    ];
    let distinct: HashSet<_> = identities.iter().collect();
    assert_eq!(distinct.len(), identities.len());
}

#[test]
fn another_version_or_source_is_another_handler() {
    let page = |hash, version| of::<One>(|| "list", function("list", hash), version);
    assert_eq!(page("one", Some("1")), page("one", Some("1")));
    assert_ne!(page("one", Some("1")), page("one", Some("2")));
    assert_ne!(page("one", Some("1")), page("other", Some("1")));
    assert_ne!(page("one", None), page("other", None));
}

#[test]
fn a_handler_with_other_arguments_is_another_one() {
    let at = Location::caller();
    let wrapped = |arguments| of::<One>(|| "list", SourceLocation::built(at, arguments), None);
    assert_ne!(wrapped("(User, Tenant)"), wrapped("(Tenant, User)"));
}

#[test]
fn a_unique_type_name_is_an_identity_in_every_build() {
    let named: [Named; 4] = [
        (|| "shop::list::{{closure}}", function("shop::list", "")),
        (
            || "shop::Cats::list::{{closure}}",
            function("shop::list", ""),
        ),
        (
            || "shop::list",
            SourceLocation::built(Location::caller(), ""),
        ),
        (|| "alloc::vec::Vec<u32>", SourceLocation::VALUE),
    ];
    for (name, source) in named {
        assert_eq!(
            of::<One>(name, source, None),
            of::<Other>(name, source, None),
            "{}",
            name()
        );
    }
}

#[test]
fn types_of_one_name_have_different_ids() {
    let by_macro = SourceLocation::new("shop::list", [3, 1], [90, 5], "");
    let named: [Named; 9] = [
        (
            || "shop::main::{{closure}}",
            SourceLocation::built(Location::caller(), ""),
        ),
        (
            || "shop::list<shop::T>",
            SourceLocation::built(Location::caller(), ""),
        ),
        (
            || "shop::list<shop::main::{{closure}}>::{{closure}}",
            function("shop::list", ""),
        ),
        (|| "shop::_::list::{{closure}}", by_macro),
        (|| "shop::main::list::{{closure}}", by_macro),
        (|| "shop::lists::{{closure}}", by_macro),
        (
            || "<shop::main::list as Factory>::register::list::{{closure}}",
            by_macro,
        ),
        (
            || "<shop::G<shop::T> as Tr>::list::{{closure}}",
            function("shop::list", ""),
        ),
        (|| "shop::main::{{closure}}::Row", SourceLocation::VALUE),
    ];
    for (name, source) in named {
        let one = of::<One>(name, source, None);
        assert_ne!(one, of::<Other>(name, source, None), "{}", name());
        assert_eq!(one, of::<One>(name, source, None), "{}", name());
    }
}

#[test]
fn a_macro_may_write_a_function_of_a_module() {
    let by_macro = SourceLocation::new("shop::list", [3, 1], [90, 5], "");
    let names: [fn() -> &'static str; 2] = [
        || "shop::list::{{closure}}",
        || "<shop::list as actix_web::service::HttpServiceFactory>::register::list::{{closure}}",
    ];
    for name in names {
        let [one, other] = [of::<One>, of::<Other>].map(|of| of(name, by_macro, None));
        assert_eq!(one, other, "{}", name());
    }
}

#[test]
fn the_bytes_are_the_same_in_every_version() {
    let bytes = of::<One>(
        || "shop::list::{{closure}}",
        function("shop::list", "0f"),
        None,
    );
    let known: &[u8] =
        b"\x03\x17shop::list::{{closure}}\x03\x0ashop::list\x04\x01\x03\x04\x01\x01\x03\x020f";
    assert_eq!(*bytes, *known);
}

#[cfg(unix)]
#[test]
fn a_file_is_called_the_same_on_every_machine() {
    for (file, name) in [
        ("src/main.rs", "src/main.rs"),
        (
            "registry/src/a-1949cf8c6b5b557f/lib.rs",
            "registry/src/a-1949cf8c6b5b557f/lib.rs",
        ),
        (
            "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/shop-1.0.0/src/lib.rs",
            "index.crates.io-1949cf8c6b5b557f/shop-1.0.0/src/lib.rs",
        ),
        (
            "/usr/local/cargo/git/checkouts/shop-a40ca1b6a3a1f5a5/4e5d1c9/src/lib.rs",
            "shop-a40ca1b6a3a1f5a5/4e5d1c9/src/lib.rs",
        ),
        (
            "/home/me/registry/src/lib.rs",
            "/home/me/registry/src/lib.rs",
        ),
        ("/home/me/shop/src/lib.rs", "/home/me/shop/src/lib.rs"),
    ] {
        assert_eq!(portable(file), name);
    }
}
