use super::*;

/// What `#[cached_response(60)]` makes of `item`, without spaces.
fn expansion(options: &TokenStream, item: &TokenStream) -> String {
    cached_response(options, item.clone())
        .to_string()
        .replace(' ', "")
}

#[test]
fn what_was_written_is_remembered_when_other_attributes_have_rewritten_it() {
    let item = quote!(
        #[get("/")]
        async fn page() -> String {
            a()
        }
    );
    let written = format!("{:032x}", fingerprint(&quote!(60), &item));
    let once = expansion(&quote!(60), &item);
    let handed_on = format!("__source=\"{written}\",60");
    assert!(once.contains(&handed_on), "{once}");
    let rewritten = quote!(
        async fn page() -> String {
            span(|| a())
        }
    );
    let twice = expansion(&quote!(__innermost, __source = #written, 60), &rewritten);
    assert!(twice.contains(&format!("\"{written}\"")), "{twice}");
}

/// What a handler is called in a remote store.
fn source(options: &TokenStream, item: &TokenStream) -> String {
    let args = syn::parse2(options.clone()).unwrap();
    let handler = Handler::below("cached_response", item.clone()).unwrap();
    super::source(&args, options, item, &handler)
}

#[test]
fn a_version_stands_in_for_all_but_what_the_key_is_made_of() {
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
fn a_version_reaches_the_policy() {
    let item = quote!(
        async fn page() -> String {
            a()
        }
    );
    let versioned = expansion(&quote!(60, version = "2"), &item);
    assert!(versioned.contains(".version(\"2\")"), "{versioned}");
}
