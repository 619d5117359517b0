//! The table of RFC 9111 in the guide: every row is shown by tests that exist, or says why not.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a row that no test shows opens with.
const REASONS: [&str; 2] = ["does not apply: ", "not followed: "];

/// RFC 9111 §5.2, RFC 5861 and RFC 8246, and the field of RFC 9213.
const DIRECTIVES: [&str; 19] = [
    "CDN-Cache-Control",
    "immutable",
    "max-age",
    "max-stale",
    "min-fresh",
    "must-revalidate",
    "must-understand",
    "no-cache",
    "no-store",
    "no-transform",
    "only-if-cached",
    "private",
    "proxy-revalidate",
    "public",
    "s-maxage",
    "stale-if-error",
    "stale-while-revalidate",
    "Expires",
    "Pragma",
];

struct Row {
    line: String,
    shown: String,
}

fn page(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::read_to_string(docs.join(name)).unwrap()
}

fn rows() -> Vec<Row> {
    let page = page("rfc9111.md");
    let rows = page.lines().filter(|line| line.starts_with("| §"));
    rows.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", _, _, shown, ""] = cells[..] else {
            panic!("a row has three columns: {line}");
        };
        Row {
            line: line.to_owned(),
            shown: shown.to_owned(),
        }
    })
    .collect()
}

/// The tests that a row names: all that has `::` in it and stands between backticks.
fn named(row: &Row) -> Vec<&str> {
    let quoted = row.shown.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains("::")).collect()
}

/// The files that a module may be in; one that stands inside another is in its parent's.
fn files(modules: &[&str]) -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A unit test of the runtime crate stands in a module `tests`; all others are of this binary.
    let base = if modules.contains(&"tests") {
        tests.join("../cached-response/src")
    } else {
        tests.join("tests/system")
    };
    let place = |modules: &[&str]| base.join(modules.iter().collect::<PathBuf>());
    let (own, parent) = (place(modules), place(&modules[..modules.len() - 1]));
    let mut files = vec![own.with_extension("rs"), own.join("mod.rs")];
    if modules.last() == Some(&"tests") {
        files.extend([parent.with_extension("rs"), parent.join("mod.rs")]);
    }
    files
}

/// Whether `name` is a function in `source` that the test harness calls.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let function = format!("fn {name}(");
    let is_it = |line: &&str| line.starts_with(&function) || line.contains(&format!(" {function}"));
    let Some(at) = lines.iter().position(is_it) else {
        return false;
    };
    let above = lines[..at].iter().rev();
    let mut attributes = above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    attributes.any(|line| *line == "#[test]" || *line == "#[actix_web::test]")
}

fn exists(test: &str) -> bool {
    let path: Vec<_> = test.split("::").collect();
    let (name, modules) = path.split_last().expect("text has a first part");
    let mut sources = files(modules)
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    sources.any(|source| has_test(&source, name))
}

#[test]
fn every_row_names_a_test_or_a_reason() {
    for row in rows() {
        let reasoned = REASONS.iter().any(|reason| {
            let text = row.shown.split_once(reason).map(|(_, text)| text);
            text.is_some_and(|text| text.len() > 10)
        });
        assert!(reasoned || !named(&row).is_empty(), "{}", row.line);
    }
}

#[test]
fn every_test_that_a_row_names_is_there() {
    let rows = rows();
    let tests: Vec<_> = rows.iter().flat_map(named).collect();
    assert!(
        tests.len() > 100,
        "only {} tests are named: the test has gone blind",
        tests.len()
    );
    let missing: Vec<_> = tests.into_iter().filter(|test| !exists(test)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_directive_has_a_row_in_the_guide() {
    let page = page("standard.md");
    let openings: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .collect();
    for directive in DIRECTIVES {
        let quoted = ["`", "=", "\"", ":"].map(|end| format!("`{directive}{end}"));
        let is_there = openings
            .iter()
            .any(|opening| quoted.iter().any(|quoted| opening.contains(quoted)));
        assert!(is_there, "{directive}");
    }
}

#[test]
fn a_name_that_is_not_a_test_is_rejected() {
    for absent in [
        "standard::lifetimes::no_such_sentence",
        "no_such_module::a_response_is_fresh_for_its_own_lifetime",
        // A helper of tests, and a function of the crate.
        "standard::lifetimes::lives",
        "http::storable::storability",
    ] {
        assert!(!exists(absent), "{absent}");
    }
    for present in [
        "standard::lifetimes::a_response_is_fresh_for_its_own_lifetime",
        "http::date::tests::a_text_in_none_of_the_formats_is_not_a_date",
    ] {
        assert!(exists(present), "{present}");
    }
}
