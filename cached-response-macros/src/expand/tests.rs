use super::*;

/// Expands `item` and removes the spaces.
fn expansion(options: &TokenStream, item: &TokenStream) -> String {
    cached_response(options, item.clone())
        .to_string()
        .replace(' ', "")
}

#[test]
fn the_fingerprint_is_of_the_source_before_other_attributes_rewrite_it() {
    let item = quote!(
        #[get("/")]
        async fn page() -> String {
            a()
        }
    );
    let written = format!("{:032x}", fingerprint(&quote!(60), &item));
    let once = expansion(&quote!(60), &item);
    let handed_on = format!("__innermost=\"{written}\",60");
    assert!(once.contains(&handed_on), "{once}");
    let rewritten = quote!(
        async fn page() -> String {
            span(|| a())
        }
    );
    let twice = expansion(&quote!(__innermost = #written, 60), &rewritten);
    assert!(twice.contains(&format!("\"{written}\"")), "{twice}");
}

/// The fingerprint of a handler, by which a remote store knows it.
fn source(options: &TokenStream, item: &TokenStream) -> String {
    let parsed = syn::parse2(options.clone()).unwrap();
    let handler = Handler::parse("cached_response", item.clone()).unwrap();
    super::source(&parsed, options, item, &handler)
}

#[test]
fn a_version_replaces_the_source_except_for_the_parts_of_the_key() {
    let versioned = quote!(60, version = "2", key(user.id));
    let page = quote!(
        async fn page(user: User) -> String {
            a()
        }
    );
    let of_page = source(&versioned, &page);
    let other_body = quote!(
        #[inline]
        async fn page(user: User) -> String {
            b()
        }
    );
    assert_eq!(source(&versioned, &other_body), of_page);
    let longer = quote!(90, version = "2", key(user.id));
    assert_eq!(source(&longer, &page), of_page);
    let by_tenant = quote!(60, version = "2", key(user.tenant));
    assert_ne!(source(&by_tenant, &page), of_page);
    let other_user = quote!(
        async fn page(user: Admin) -> String {
            a()
        }
    );
    assert_ne!(source(&versioned, &other_user), of_page);
    let unversioned = quote!(60, key(user.id));
    assert_ne!(
        source(&unversioned, &page),
        source(&unversioned, &other_body)
    );
}

#[test]
fn the_version_is_set_on_the_policy() {
    let item = quote!(
        async fn page() -> String {
            a()
        }
    );
    let versioned = expansion(&quote!(60, version = "2"), &item);
    assert!(versioned.contains(".version(\"2\")"), "{versioned}");
}
