//! The levels of the runtime crate: arrows only point down, in no circle, and every file is a
//! module.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use syn::{Attribute, Item, UseTree};

/// The folders of the crate, from the ground up.
const LEVELS: [&str; 5] = ["ground", "judgement", "machinery", "story", "doors"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cached-response/src")
}

/// Every file, with the path of its module: `machinery/capture/tail.rs` is `machinery::capture::tail`.
fn modules() -> BTreeMap<Vec<String>, PathBuf> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(source()).unwrap().with_extension("");
                let mut name: Vec<String> = relative
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

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Ok(list) = attribute.meta.require_list() else {
            return false;
        };
        list.path.is_ident("cfg") && list.tokens.to_string() == "test"
    })
}

/// The paths that `items` import, written from the root of the crate.
fn imports(items: &[Item], here: &[String], found: &mut BTreeSet<Vec<String>>) {
    for item in items {
        match item {
            Item::Use(item) if !is_test(&item.attrs) => {
                flatten(&item.tree, Vec::new(), here, found);
            }
            Item::Mod(item) if !is_test(&item.attrs) => {
                if let Some((_, items)) = &item.content {
                    let inside: Vec<_> = here
                        .iter()
                        .cloned()
                        .chain([item.ident.to_string()])
                        .collect();
                    imports(items, &inside, found);
                }
            }
            _ => {}
        }
    }
}

fn flatten(
    tree: &UseTree,
    mut path: Vec<String>,
    here: &[String],
    found: &mut BTreeSet<Vec<String>>,
) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten(&step.tree, path, here, found);
        }
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| flatten(tree, path.clone(), here, found)),
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

fn from_the_root(path: &[String], here: &[String]) -> Option<Vec<String>> {
    let mut base = here.to_vec();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => base.clear(),
        "self" => {}
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

/// Which module each module imports from.
fn arrows() -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let modules = modules();
    let mut arrows = BTreeMap::new();
    for (name, path) in &modules {
        let is_test_file = name.iter().any(|part| part == "tests");
        if name.is_empty() || is_test_file {
            continue;
        }
        let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
        let mut found = BTreeSet::new();
        imports(&file.items, name, &mut found);
        let targets = found
            .into_iter()
            .filter_map(|path| owner(&path, &modules))
            .filter(|target| target != name);
        arrows.insert(name.clone(), targets.collect());
    }
    arrows
}

/// The longest beginning of `path` that is a module.
fn owner(path: &[String], modules: &BTreeMap<Vec<String>, PathBuf>) -> Option<Vec<String>> {
    (1..=path.len())
        .rev()
        .map(|length| path[..length].to_vec())
        .find(|module| modules.contains_key(module))
}

fn level(module: &[String]) -> usize {
    LEVELS
        .iter()
        .position(|level| *level == module[0])
        .unwrap_or_else(|| panic!("{module:?} is on no level"))
}

#[test]
fn arrows_only_point_down() {
    let mut seen = 0;
    for (from, targets) in arrows() {
        for to in targets {
            seen += 1;
            assert!(
                level(&to) <= level(&from),
                "{} must not use {}",
                from.join("::"),
                to.join("::")
            );
        }
    }
    assert!(
        seen > 50,
        "only {seen} imports were found: the test has gone blind"
    );
}

#[test]
fn no_module_uses_itself_in_a_circle() {
    let arrows = arrows();
    for start in arrows.keys() {
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = arrows[start].iter().collect();
        while let Some(module) = next.pop() {
            // A folder and its files are one thing.
            if module.starts_with(start) || start.starts_with(module) || !reached.insert(module) {
                continue;
            }
            next.extend(
                arrows
                    .get(module)
                    .into_iter()
                    .flatten()
                    .filter(|to| !module.starts_with(to) && !to.starts_with(module)),
            );
        }
        for module in reached {
            let back = arrows
                .get(module)
                .is_some_and(|targets| targets.contains(start));
            assert!(
                !back,
                "{} and {} use each other",
                start.join("::"),
                module.join("::")
            );
        }
    }
}

#[test]
fn every_file_is_named_by_a_mod() {
    let modules = modules();
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

#[test]
fn inline_paths_keep_to_the_levels_too() {
    for (name, path) in modules().into_iter().filter(|(name, _)| !name.is_empty()) {
        let text = fs::read_to_string(path).unwrap();
        let code = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//"));
        for (line, to) in
            code.flat_map(|line| line.split("crate::").skip(1).map(move |rest| (line, rest)))
        {
            let to = to
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default();
            if LEVELS.contains(&to) {
                assert!(
                    level(&[to.into()]) <= level(&name),
                    "{}: {line}",
                    name.join("::")
                );
            }
        }
    }
}
