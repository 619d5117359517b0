use super::*;
use proc_macro2::Group;
use quote::quote;

fn of(options: &str, item: &str) -> u128 {
    fingerprint(&options.parse().unwrap(), &item.parse().unwrap())
}

const PAGE: &str = "async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1) }";

#[test]
fn it_is_a_known_hash_and_the_same_in_every_build() {
    let mut hash = Fnv::default();
    hash.bytes(b"a");
    assert_eq!(format!("{:x}", hash.0), "d228cb696f1a8caf78912b704e4a8964");
    assert_eq!(of("60", PAGE), 0xda28_9a44_c0cf_fc6c_244f_fc38_8a0b_bfc9);
}

#[test]
fn white_space_and_comments_change_nothing() {
    for same in [
        "async fn page ( n : Path < u32 > ) -> String { format ! ( \"{n} {}\" , * n + 1 ) }",
        "/* one */ async fn page(n: Path<u32>) -> String {\n    // two\n    format!(\"{n} {}\", *n+1)\n}",
        "/// A page.\n#[doc(hidden)]\n/** More. */ async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1) }",
    ] {
        assert_eq!(of("60", same), of("60", PAGE), "{same}");
    }
    assert_eq!(of("timeout=60,lazy", PAGE), of("timeout = 60, lazy", PAGE));
}

#[test]
fn signs_that_touch_are_what_the_compiler_takes_them_for() {
    let same = |one, other| of("", one) == of("", other);
    assert!(same("x=-1", "x = -1"));
    assert!(same("a&&!b", "a && !b"));
    assert!(same("&'a str", "& 'a str"));
    assert!(!same("a && b", "a & &b"));
    assert!(!same("a <<= b", "a << = b"));
    assert!(!same("a..=b", "a.. = b"));
}

#[test]
fn every_token_counts() {
    let pages = [
        PAGE,
        "async fn pages(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1) }",
        "async fn page(n: Path<u64>) -> String { format!(\"{n} {}\", *n + 1) }",
        "async fn page(m: Path<u32>) -> String { format!(\"{n} {}\", *n + 1) }",
        "async fn page(n: Path<u32>) -> Strings { format!(\"{n} {}\", *n + 1) }",
        "async fn page(n: Path<u32>) -> String { format!(\"{n}, {}\", *n + 1) }",
        "async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n - 1) }",
        "async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", n + 1) }",
        "async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1u8) }",
        "async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1); }",
        "async fn page(n: Path<u32>) -> String { format![\"{n} {}\", *n + 1] }",
        "async fn page(n: Path<u32>) -> String { { format!(\"{n} {}\", *n + 1) } }",
        "pub async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1) }",
        "#[inline] async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1) }",
        "async fn page(n: Path<u32>) -> String { #[doc = \"\"] struct A; format!(\"{n} {}\", *n + 1) }",
    ];
    for (n, page) in pages.iter().enumerate() {
        let known = pages[..n].iter().map(|earlier| of("60", earlier));
        assert!(
            known.into_iter().all(|known| known != of("60", page)),
            "{page}"
        );
    }
}

#[test]
fn the_options_count_and_are_not_taken_for_the_item() {
    assert_ne!(of("60", PAGE), of("61", PAGE));
    assert_ne!(of("60", PAGE), of("timeout = 60", PAGE));
    assert_ne!(of("", PAGE), of("60", PAGE));
    assert_ne!(of("60, lazy", PAGE), of("60", &format!(", lazy {PAGE}")));
}

#[test]
fn an_identifier_is_no_literal_and_no_other_identifier() {
    assert_ne!(of("", "'a"), of("", "'a'"));
    assert_ne!(of("", "a b"), of("", "ab"));
    assert_ne!(of("", "\"a\""), of("", "a"));
    assert_ne!(of("", "r#type"), of("", "r#\"type\"#"));
}

#[test]
fn a_fragment_of_a_macro_is_one_thing() {
    let sum = quote!(a + b);
    let fragment = TokenTree::Group(Group::new(Delimiter::None, sum.clone()));
    let hash = |item: &TokenStream| fingerprint(&TokenStream::new(), item);
    assert_ne!(hash(&quote!(#fragment * 2)), hash(&quote!(#sum * 2)));
    assert_ne!(hash(&quote!(#fragment * 2)), hash(&quote!((#sum) * 2)));
}
