//! What a newcomer reads who made a mistake: one mistake a file, named after it.

/// Bar row 14.
#[test]
fn every_mistake_is_reported_where_it_is_with_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*/*.rs");
}
