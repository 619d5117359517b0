//! The layout of the two crates: dependencies run down one list of folders, without circles, and every
//! file is a module.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use syn::{Attribute, Item, UseTree};

/// Path of a module from the root of its crate.
type Module = Vec<String>;

/// A crate, with the folders and files at its root from the top down. Those of one row may use the
/// ones to their right, and every row below.
struct Layout {
    source: &'static str,
    rows: &'static [&'static [&'static str]],
    /// Dependencies that run up.
    exceptions: &'static [(&'static str, &'static str)],
    /// Lower bound of the number of dependencies, so that a test that finds none fails.
    min_dependencies: usize,
}

const CRATES: [Layout; 2] = [RUNTIME, MACROS];

const RUNTIME: Layout = Layout {
    source: "../cached-response/src",
    rows: &[
        &["handler", "admin"],
        &[
            "middleware",
            "invalidates",
            "values",
            "explain",
            "attribute",
            "testing",
        ],
        &["extract"],
        &["engine"],
        &["cache"],
        &["remote", "remote_disabled"],
        &["response", "context"],
        &["single_flight"],
        &["memory"],
        &["entry"],
        &["route"],
        &["policy"],
        &["invalidation"],
        &["key"],
        &["http", "store"],
        &["metrics"],
        &["time", "util"],
    ],
    exceptions: UP,
    min_dependencies: 500,
};

const MACROS: Layout = Layout {
    source: "../cached-response-macros/src",
    rows: &[
        &["expand", "derive"],
        &["arguments"],
        &["coverage"],
        &["options"],
        &["handler"],
        &["diagnostics"],
        &["names", "source", "types"],
    ],
    exceptions: &[],
    min_dependencies: 40,
};

/// Dependencies of the runtime crate that run up.
const UP: &[(&str, &str)] = &[];

impl Layout {
    fn root(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.source)
    }

    /// Every file, by the path of its module: `response/tee/task.rs` is `response::tee::task`.
    fn modules(&self) -> BTreeMap<Module, PathBuf> {
        let mut modules = BTreeMap::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let relative = path.strip_prefix(self.root()).unwrap().with_extension("");
                    let mut name: Module = relative
                        .iter()
                        .map(|part| part.to_string_lossy().into())
                        .collect();
                    name.pop_if(|last| last == "mod" || last == "lib");
                    modules.insert(name, path);
                }
            }
        }
        modules
    }

    /// The modules that each module depends on, those of tests left out.
    fn dependencies(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let modules = self.modules();
        let mut dependencies = BTreeMap::new();
        for (name, path) in &modules {
            if name.is_empty() || name.iter().any(|part| part == "tests") {
                continue;
            }
            let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
            let mut found = BTreeSet::new();
            paths(&file.items, name, &mut found);
            let targets = found
                .into_iter()
                .filter_map(|path| owner(&path, &modules))
                .filter(|target| target != name);
            dependencies.insert(name.clone(), targets.collect());
        }
        dependencies
    }

    /// Row and place in the row.
    fn place(&self, module: &[String]) -> (usize, usize) {
        let root = &module[0];
        let find = |row: &&[&str]| row.iter().position(|name| name == root);
        let row = self.rows.iter().position(|row| find(row).is_some());
        let row = row.unwrap_or_else(|| panic!("`{root}` is in no row of the layout"));
        (row, find(&self.rows[row]).unwrap())
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Ok(list) = attribute.meta.require_list() else {
            return false;
        };
        list.path.is_ident("cfg") && list.tokens.to_string() == "test"
    })
}

/// The paths that `items` name, in imports and in code, from the root of the crate.
fn paths(items: &[Item], here: &[String], found: &mut BTreeSet<Module>) {
    for item in items {
        match item {
            Item::Use(item) => {
                if !is_test(&item.attrs) {
                    imports(&item.tree, Vec::new(), here, found);
                }
            }
            Item::Mod(item) => {
                if let (false, Some((_, items))) = (is_test(&item.attrs), &item.content) {
                    let inside: Vec<_> = here
                        .iter()
                        .cloned()
                        .chain([item.ident.to_string()])
                        .collect();
                    paths(items, &inside, found);
                }
            }
            item => in_code(item.to_token_stream(), here, found),
        }
    }
}

fn imports(tree: &UseTree, mut path: Vec<String>, here: &[String], found: &mut BTreeSet<Module>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            imports(&step.tree, path, here, found);
        }
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| imports(tree, path.clone(), here, found)),
        UseTree::Name(name) => {
            path.push(name.ident.to_string());
            found.extend(from_the_root(&path, here));
        }
        UseTree::Rename(name) => {
            path.push(name.ident.to_string());
            found.extend(from_the_root(&path, here));
        }
        UseTree::Glob(_) => found.extend(from_the_root(&path, here)),
    }
}

/// Paths such as `crate::a::b` and `super::c` that are written out.
fn in_code(tokens: TokenStream, here: &[String], found: &mut BTreeSet<Module>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                if colons != 2 {
                    found.extend(from_the_root(&path, here));
                    path.clear();
                }
                path.push(name.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
            other => {
                found.extend(from_the_root(&path, here));
                path.clear();
                colons = 0;
                if let TokenTree::Group(group) = other {
                    in_code(group.stream(), here, found);
                }
            }
        }
    }
    found.extend(from_the_root(&path, here));
}

fn from_the_root(path: &[String], here: &[String]) -> Option<Module> {
    let mut base = here.to_vec();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => base.clear(),
        "self" if path.len() > 1 => {}
        "super" => {
            while rest.first().is_some_and(|step| step == "super") {
                base.pop();
                rest = &rest[1..];
            }
            return Some(base.into_iter().chain(rest.iter().cloned()).collect());
        }
        _ => return None,
    }
    Some(base.into_iter().chain(rest[1..].iter().cloned()).collect())
}

/// The longest beginning of `path` that is a module.
fn owner(path: &[String], modules: &BTreeMap<Module, PathBuf>) -> Option<Module> {
    (1..=path.len())
        .rev()
        .map(|length| path[..length].to_vec())
        .find(|module| modules.contains_key(module))
}

#[test]
fn dependencies_run_down_the_list_only() {
    for layout in &CRATES {
        let mut count = 0;
        let mut up = BTreeSet::new();
        for (from, targets) in layout.dependencies() {
            for to in targets {
                count += 1;
                if from[0] != to[0] && layout.place(&to) <= layout.place(&from) {
                    up.insert((from.join("::"), to.join("::")));
                }
            }
        }
        let exceptions = layout
            .exceptions
            .iter()
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
        assert_eq!(
            up,
            exceptions.collect(),
            "the dependencies that run up, and the exceptions"
        );
        assert!(
            count >= layout.min_dependencies,
            "only {count} dependencies found in {}",
            layout.source
        );
    }
}

#[test]
fn no_module_depends_on_itself_in_a_circle() {
    for layout in &CRATES {
        let dependencies = layout.dependencies();
        for start in dependencies.keys() {
            let reached = reachable(start, &dependencies);
            let back = reached.into_iter().find(|module| {
                dependencies
                    .get(*module)
                    .is_some_and(|to| to.contains(start))
            });
            assert_eq!(back, None, "{} depends on itself", start.join("::"));
        }
    }
}

/// The modules that `start` depends on, also by others. A folder and its files count as one module.
fn reachable<'a>(
    start: &Module,
    dependencies: &'a BTreeMap<Module, BTreeSet<Module>>,
) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = dependencies[start].iter().collect();
    while let Some(module) = next.pop() {
        if module.starts_with(start) || start.starts_with(module) || !reached.insert(module) {
            continue;
        }
        let targets = dependencies.get(module).into_iter().flatten();
        next.extend(targets.filter(|to| !module.starts_with(to) && !to.starts_with(module)));
    }
    reached
}

#[test]
fn every_file_is_named_by_a_mod() {
    for layout in &CRATES {
        let modules = layout.modules();
        for (name, path) in &modules {
            let Some((last, parents)) = name.split_last() else {
                continue;
            };
            let parent = fs::read_to_string(&modules[parents]).unwrap();
            let declared = parent
                .lines()
                .map(str::trim)
                .any(|line| line.ends_with(&format!("mod {last};")));
            assert!(declared, "{} is in no `mod`", path.display());
        }
    }
}
