use super::*;

/// What `#[cached_response(60)]` makes of `item`, without spaces.
fn expansion(options: TokenStream, item: TokenStream) -> String {
    cached_response(&options, item).to_string().replace(' ', "")
}

#[test]
fn what_was_written_is_remembered_when_other_attributes_have_rewritten_it() {
    let item = quote!(
        #[get("/")]
        async fn page() -> String {
            a()
        }
    );
    let written = fingerprint(&quote!(60), &item);
    let once = expansion(quote!(60), item);
    let handed_on = format!("__source=\"{written}\",60");
    assert!(once.contains(&handed_on), "{once}");
    let rewritten = quote!(
        async fn page() -> String {
            span(|| a())
        }
    );
    let twice = expansion(quote!(__innermost, __source = #written, 60), rewritten);
    assert!(twice.contains(&format!("\"{written}\"")), "{twice}");
}

#[test]
fn a_version_reaches_the_policy() {
    let item = quote!(
        async fn page() -> String {
            a()
        }
    );
    let versioned = expansion(quote!(60, version = "2"), item);
    assert!(versioned.contains(".version(\"2\")"), "{versioned}");
}
