use super::*;
use proc_macro2::Group;
use quote::quote;

fn hash_of(options: &str, item: &str) -> u128 {
    fingerprint(&options.parse().unwrap(), &item.parse().unwrap())
}

const PAGE: &str = "async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1) }";

#[test]
fn the_hash_is_fnv_1a_and_equal_in_every_build() {
    let mut hash = Fnv::default();
    hash.bytes(b"a");
    assert_eq!(format!("{:x}", hash.0), "d228cb696f1a8caf78912b704e4a8964");
    assert_eq!(
        hash_of("60", PAGE),
        0xda28_9a44_c0cf_fc6c_244f_fc38_8a0b_bfc9
    );
}

#[test]
fn white_space_and_comments_change_nothing() {
    for same in [
        "async fn page ( n : Path < u32 > ) -> String { format ! ( \"{n} {}\" , * n + 1 ) }",
        "/* one */ async fn page(n: Path<u32>) -> String {\n    // two\n    format!(\"{n} {}\", *n+1)\n}",
        "/// A page.\n#[doc(hidden)]\n/** More. */ async fn page(n: Path<u32>) -> String { format!(\"{n} {}\", *n + 1) }",
    ] {
        assert_eq!(hash_of("60", same), hash_of("60", PAGE), "{same}");
    }
    assert_eq!(
        hash_of("timeout=60,lazy", PAGE),
        hash_of("timeout = 60, lazy", PAGE)
    );
}

#[test]
fn adjacent_punctuation_is_hashed_as_the_compiler_reads_it() {
    let same = |one, other| hash_of("", one) == hash_of("", other);
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
        let known = pages[..n].iter().map(|earlier| hash_of("60", earlier));
        assert!(
            known.into_iter().all(|known| known != hash_of("60", page)),
            "{page}"
        );
    }
}

#[test]
fn the_options_are_hashed_apart_from_the_item() {
    assert_ne!(hash_of("60", PAGE), hash_of("61", PAGE));
    assert_ne!(hash_of("60", PAGE), hash_of("timeout = 60", PAGE));
    assert_ne!(hash_of("", PAGE), hash_of("60", PAGE));
    assert_ne!(
        hash_of("60, lazy", PAGE),
        hash_of("60", &format!(", lazy {PAGE}"))
    );
}

#[test]
fn identifiers_and_literals_are_hashed_apart() {
    assert_ne!(hash_of("", "'a"), hash_of("", "'a'"));
    assert_ne!(hash_of("", "a b"), hash_of("", "ab"));
    assert_ne!(hash_of("", "\"a\""), hash_of("", "a"));
    assert_ne!(hash_of("", "r#type"), hash_of("", "r#\"type\"#"));
}

#[test]
fn a_fragment_of_a_macro_is_hashed_as_a_group() {
    let sum = quote!(a + b);
    let fragment = TokenTree::Group(Group::new(Delimiter::None, sum.clone()));
    let hash = |item: &TokenStream| fingerprint(&TokenStream::new(), item);
    assert_ne!(hash(&quote!(#fragment * 2)), hash(&quote!(#sum * 2)));
    assert_ne!(hash(&quote!(#fragment * 2)), hash(&quote!((#sum) * 2)));
}
