//! The links of the documents, in a checkout and in rustdoc, and the tables that repeat a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A page of the documents.
struct Page {
    path: PathBuf,
    /// The file's name, for messages.
    name: String,
    /// All but what is written between fences.
    text: String,
    /// All but code, in spans as well.
    prose: String,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Page {
    fn read(path: &Path) -> Self {
        let whole = fs::read_to_string(path).unwrap();
        Self {
            path: path.to_owned(),
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            text: without(&whole, "```"),
            prose: without(&without(&whole, "```"), "`"),
        }
    }

    /// README, CHANGELOG and all of `docs/`.
    fn all() -> Vec<Self> {
        let root = repository();
        let folders =
            ["", "docs", "docs/design"].map(|name| fs::read_dir(root.join(name)).unwrap());
        let entries = folders.into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        let is_page = |path: &PathBuf| path.extension().is_some_and(|it| it == "md");
        let mut paths: Vec<_> = paths.filter(is_page).collect();
        paths.sort();
        let pages: Vec<_> = paths.iter().map(|path| Self::read(path)).collect();
        assert!(pages.len() > 20, "only {} pages were found", pages.len());
        pages
    }

    /// The targets of `[text](target)`.
    fn inline(&self) -> Vec<&str> {
        let after = self.prose.split("](").skip(1);
        after.filter_map(|rest| rest.split(')').next()).collect()
    }

    /// The labels of `[text][label]`.
    fn labels(&self) -> BTreeSet<&str> {
        let after = self.prose.split("][").skip(1);
        after.filter_map(|rest| rest.split(']').next()).collect()
    }

    /// The targets by their labels: `[label]: target`.
    fn definitions(&self) -> BTreeMap<&str, &str> {
        definitions(&self.prose)
    }

    /// The anchors of its headings, as GitHub and rustdoc make them.
    fn anchors(&self) -> Vec<String> {
        let headings = self.text.lines().filter(|line| line.starts_with('#'));
        headings.map(anchor).collect()
    }
}

/// A text without what stands between two marks.
fn without(text: &str, mark: &str) -> String {
    text.split(mark).step_by(2).collect()
}

fn definitions(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix('['));
    let parted = lines.filter_map(|line| line.split_once("]: "));
    // Else it is the text of a link, and its label: `[text][label]: and so on`.
    parted.filter(|(label, _)| !label.contains(']')).collect()
}

fn anchor(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
    let text = heading.trim_start_matches('#').trim();
    let text: String = text.chars().filter(kept).collect();
    text.to_lowercase().replace(' ', "-")
}

fn is_remote(target: &str) -> bool {
    target.starts_with("https://") || target.starts_with("http://")
}

/// The reason why a target leads nowhere from a page; `None` where it leads somewhere.
fn dead(page: &Page, target: &str) -> Option<String> {
    if is_remote(target) {
        return None;
    }
    let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
    let file = match file {
        "" => page.path.clone(),
        _ => page.path.with_file_name(file),
    };
    if !file.exists() {
        return Some(format!("{}: `{target}`: no such file", page.name));
    }
    let is_there = fragment.is_empty() || Page::read(&file).anchors().contains(&fragment.into());
    (!is_there).then(|| format!("{}: `{target}`: no such heading", page.name))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = Page::all();
    let all = pages.iter().flat_map(|page| {
        let defined = page.definitions().into_values();
        let targets: Vec<_> = page.inline().into_iter().chain(defined).collect();
        targets.into_iter().map(move |target| (page, target))
    });
    let all: Vec<_> = all.collect();
    assert!(all.len() > 50, "only {} links were found", all.len());
    let dead: Vec<_> = all
        .iter()
        .filter_map(|(page, target)| dead(page, target))
        .collect();
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_label_is_defined_and_every_definition_is_used() {
    for page in Page::all() {
        let defined: BTreeSet<_> = page.definitions().into_keys().collect();
        let undefined: Vec<_> = page.labels().difference(&defined).copied().collect();
        assert!(undefined.is_empty(), "{}: {undefined:?}", page.name);
        let times = |label: &str| page.prose.matches(&format!("[{label}]")).count();
        let unused: Vec<_> = defined.iter().filter(|label| times(label) < 2).collect();
        assert!(unused.is_empty(), "{}: {unused:?}", page.name);
    }
}

/// The crate is not on docs.rs until it is published: a link to there is dead.
#[test]
fn no_link_leads_to_documentation_that_is_not_published() {
    for page in Page::all() {
        assert!(
            !page.text.contains("docs.rs/cached-response"),
            "{}",
            page.name
        );
    }
}

/// The pages that rustdoc shows, with the modules they are shown as.
fn mounted() -> BTreeMap<String, String> {
    let root = read("cached-response/src/lib.rs");
    let mounts = root.split("include_str!(\"../docs/").skip(1);
    let mounts = mounts.map(|rest| {
        let (page, rest) = rest.split_once('"').unwrap();
        let module = rest.split("pub mod ").nth(1).unwrap();
        let module = module.split(' ').next().unwrap();
        (page.to_owned(), module.to_owned())
    });
    let mounts: BTreeMap<_, _> = mounts.collect();
    assert!(
        mounts.len() >= 10,
        "only {} pages are mounted",
        mounts.len()
    );
    mounts
}

/// The path that a label must stand for in rustdoc.
fn in_rustdoc(label: &str, modules: &BTreeMap<String, String>) -> Option<String> {
    let (page, fragment) = label.split_once('#').unwrap_or((label, ""));
    if Path::new(page).extension().is_none_or(|it| it != "md") {
        return Some(format!("crate::{label}"));
    }
    let mark = if fragment.is_empty() { "" } else { "#" };
    let module = modules.get(page)?;
    Some(format!("crate::guide::{module}{mark}{fragment}"))
}

#[test]
fn a_link_of_the_guide_leads_to_the_same_place_in_rustdoc() {
    let modules = mounted();
    let links = read("cached-response/src/guide_links.md");
    let links = definitions(&links);
    let mut used = BTreeSet::new();
    for name in modules.keys() {
        let page = Page::read(&repository().join("docs").join(name));
        for target in page.inline() {
            let survives = is_remote(target) || target.starts_with('#');
            assert!(
                survives,
                "{name}: `]({target})` is dead in rustdoc: write `[text][{target}]`, \
                 and define `[{target}]` at the end of the page and in guide_links.md"
            );
        }
        for (label, target) in page.definitions() {
            let is_page = Path::new(target.split('#').next().unwrap())
                .extension()
                .is_some_and(|it| it == "md");
            assert!(!is_page || label == target, "{name}: [{label}]: {target}");
            let wanted = in_rustdoc(label, &modules);
            let wanted = wanted.unwrap_or_else(|| panic!("{name}: {label} is not in the guide"));
            assert_eq!(
                links.get(label),
                Some(&wanted.as_str()),
                "{name}: [{label}]"
            );
            used.insert(label.to_owned());
        }
    }
    let defined: BTreeSet<_> = links.into_keys().map(str::to_owned).collect();
    assert_eq!(used, defined, "guide_links.md");
}

/// Each page begins with its definitions, or its links would be those of a checkout.
#[test]
fn every_page_of_the_guide_is_shown_behind_the_definitions() {
    let root = read("cached-response/src/lib.rs");
    let definitions = "include_str!(\"guide_links.md\")";
    assert_eq!(root.matches(definitions).count(), mounted().len());
}

#[test]
fn a_dead_link_is_found() {
    let page = Page::read(&repository().join("README.md"));
    for target in [
        "docs/no-such-page.md",
        "docs/keys.md#no-such-heading",
        "#none",
    ] {
        assert!(dead(&page, target).is_some(), "{target}");
    }
    for target in ["docs/keys.md#processes-and-deploys", "https://example.com/"] {
        assert_eq!(dead(&page, target), None);
    }
    assert_eq!(
        anchor("## 1,000 requests at once: `a`"),
        "1000-requests-at-once-a"
    );
}

/// The dependencies of a manifest, and whether each is optional.
fn asked_for(manifest: &str) -> BTreeMap<String, bool> {
    let text = read(manifest);
    let table = text.split("\n[dependencies]\n").nth(1).unwrap();
    let table = table.split("\n[").next().unwrap();
    let lines = table.lines().filter(|line| line.contains('='));
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let name = line.split(['=', '.', ' ']).next().unwrap();
            (name.to_owned(), line.contains("optional = true"))
        })
        .collect()
}

/// The crates that a table of the design notes gives reasons for.
fn reasoned(heading: &str) -> BTreeMap<String, bool> {
    let design = read("docs/design/dependencies.md");
    let rest = design.split(heading).nth(1).unwrap();
    let rows = rest.lines().skip_while(|line| !line.starts_with("| `"));
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert!(cells[2].len() > 10, "{row}");
        let optional = cells[1].ends_with("(optional)");
        let names = cells[1].split('`').skip(1).step_by(2);
        names.map(move |name| (name.to_owned(), optional))
    })
    .collect()
}

#[test]
fn the_design_notes_justify_each_dependency() {
    for (manifest, heading) in [
        (
            "cached-response/Cargo.toml",
            "The runtime crate, `cached-response`:",
        ),
        (
            "cached-response-macros/Cargo.toml",
            "The macro crate, `cached-response-macros`:",
        ),
    ] {
        let asked_for = asked_for(manifest);
        assert!(asked_for.len() > 2, "{manifest}: {asked_for:?}");
        assert_eq!(asked_for, reasoned(heading), "{manifest}");
    }
}

/// The files that an option of cargo's may name: `--example countries`.
const NAMED: [(&str, &[&str]); 3] = [
    ("--example ", &["examples/examples"]),
    ("--bin ", &["benches/src/bin", "benches/peers/src/bin"]),
    ("--test ", &["tests/tests", "examples/tests"]),
];

/// The options of commands in a text that name nothing, and how many were looked at.
fn named_in_vain(text: &str) -> (Vec<String>, usize) {
    let mut missing = Vec::new();
    let mut count = 0;
    for (option, folders) in NAMED {
        for rest in text.split(option).skip(1) {
            let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
            let end = rest.find(|letter| !is_of_name(letter));
            let name = &rest[..end.unwrap_or(rest.len())];
            let places = folders.iter().map(|folder| repository().join(folder));
            let is_there = |place: PathBuf| {
                place.join(format!("{name}.rs")).is_file()
                    || place.join(name).join("main.rs").is_file()
            };
            if !places.into_iter().any(is_there) {
                missing.push(format!("{option}{name}"));
            }
            count += 1;
        }
    }
    (missing, count)
}

#[test]
fn commands_in_the_documents_name_what_is_there() {
    let mut commands = 0;
    for page in Page::all() {
        let (missing, count) = named_in_vain(&fs::read_to_string(&page.path).unwrap());
        assert!(missing.is_empty(), "{}: {missing:?}", page.name);
        commands += count;
    }
    assert!(commands > 15, "only {commands} were found");
    let (missing, _) = named_in_vain("cargo run --example no_such_example -- 8081");
    assert_eq!(missing, ["--example no_such_example"]);
}

#[test]
fn every_function_that_the_architecture_names_is_in_its_file() {
    let page = read("ARCHITECTURE.md");
    let mut steps = 0;
    for span in page.split('`').skip(1).step_by(2) {
        let Some((file, function)) = span.split_once(".rs:") else {
            continue;
        };
        let source = read(&format!("cached-response/src/{file}.rs"));
        let is_there = ["(", "<"].map(|end| source.contains(&format!("fn {function}{end}")));
        assert!(is_there.contains(&true), "`{span}` is not there");
        steps += 1;
    }
    assert!(steps > 25, "only {steps} steps were read");
}

#[test]
fn every_warning_about_a_remote_store_has_a_row() {
    let source = read("cached-response/src/remote/health.rs");
    let messages = source.split("fn message(").nth(1).unwrap();
    let messages = messages.split("\n    }\n").next().unwrap();
    let warnings: Vec<_> = messages.split('"').skip(1).step_by(2).collect();
    assert!(warnings.len() > 6, "only {} were found", warnings.len());
    let page = read("docs/operating.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    for warning in warnings {
        let has_row = rows
            .iter()
            .any(|row| row.len() > 20 && warning.starts_with(row));
        assert!(
            has_row,
            "docs/operating.md has no row that begins: {warning}"
        );
    }
}
