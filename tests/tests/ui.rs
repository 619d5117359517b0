//! Compile errors: one mistake a file, named after it.

/// An argument that nothing accounts for does not compile, and the error says what to write.
#[test]
fn every_mistake_is_reported_where_it_is_with_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*/*.rs");
}
