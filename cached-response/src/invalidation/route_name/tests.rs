use super::*;
use proptest::prelude::*;

#[test]
fn a_handler_is_named_by_its_function_however_it_is_written() {
    for (type_name, name) in [
        ("shop::list", "shop::list"),
        ("shop::list::{{closure}}", "shop::list"),
        ("shop::list<u32>::{{closure}}", "shop::list"),
        ("shop::list<alloc::vec::Vec<fn() -> u32>>", "shop::list"),
        (
            "<shop::list as actix_web::service::HttpServiceFactory>::register::list::{{closure}}",
            "shop::list",
        ),
        (
            "<shop::main::{{closure}}::list as actix_web::service::HttpServiceFactory>::register::list",
            "shop::main::{{closure}}::list",
        ),
        (
            "<shop::Cats as shop::Kind>::list::{{closure}}",
            "shop::Cats::list",
        ),
        (
            "<shop::Cats<(u8, fn(u8) -> u8)> as shop::Kind<u8>>::list",
            "shop::Cats::list",
        ),
        ("<[u8]>::list", "[u8]::list"),
        ("shop::main::{{closure}}", "shop::main"),
        ("", ""),
    ] {
        assert_eq!(of_handler(type_name), name, "{type_name}");
    }
}

#[test]
fn a_pattern_is_named_without_its_parameters() {
    for (pattern, name) in [
        ("/", "/"),
        ("", "/"),
        ("/list", "/list"),
        ("/list/", "/list"),
        ("//shop//list", "/shop/list"),
        ("/list/{id}", "/list/{}"),
        ("/list/{id:[0-9]{3}}/{sort}", "/list/{}/{}"),
        ("/files/{tail:.*/}", "/files/{}"),
        ("/{a}-{b}", "/{}-{}"),
        ("/{open", "/{}"),
    ] {
        assert_eq!(of_pattern(pattern), name, "{pattern}");
    }
}

#[test]
fn a_text_that_names_no_route_is_a_mistake() {
    for text in ["/", "/list/{id}", "shop::list"] {
        assert_eq!(mistake(&of_text(text)), None, "{text}");
    }
    for text in ["", "list", "list/{id}"] {
        assert!(
            mistake(&of_text(text)).is_some_and(|why| why.contains("slash")),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn any_text_has_a_name_and_a_tag_of_bounded_length(text in ".{0,400}") {
        let (handler, pattern) = (of_handler(&text), of_pattern(&text));
        prop_assert!(pattern.starts_with('/'));
        for name in [handler, pattern] {
            prop_assert!(tag(&name).starts_with(RESERVED));
            prop_assert!(tag(&name).len() <= crate::invalidation::tags::MAX_TAG_BYTES);
        }
    }

    #[test]
    fn the_name_of_a_pattern_is_its_own_name(pattern in "(/|[a-z]|\\{[a-z]{1,2}(:\\[a-z\\]\\{2\\})?\\}){0,9}") {
        let name = of_pattern(&pattern);
        prop_assert_eq!(of_pattern(&name), name);
    }
}
