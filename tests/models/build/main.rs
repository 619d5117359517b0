//! Plants mistakes in the sources of the models, one at a time, for the models to find.

mod collapse;
mod generations;
mod remote;
mod tags;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::collapse::COLLAPSE;
use crate::generations::GENERATIONS;
use crate::remote::REMOTE;
use crate::tags::TAGS;

/// Sources that are run together by scenarios of their own.
struct Subject {
    /// The module here that has them.
    name: &'static str,
    scenarios: &'static str,
    /// Each file, and the module that it is, unless it is part of another.
    files: &'static [(&'static str, Option<&'static str>)],
    mistakes: &'static [Mistake],
}

const SUBJECTS: [Subject; 4] = [COLLAPSE, GENERATIONS, REMOTE, TAGS];

const SOURCE: &str = "../../cached-response/src";
/// Tests of a file that stand in another one. They are left out.
const TESTS: &str = "#[cfg(test)]\nmod tests;\n";
/// Start of a file's own tests, which end it. They are left out.
const INLINE_TESTS: [&str; 2] = [
    "#[cfg(test)]\nmod tests {",
    "#[cfg(test)]\npub(crate) mod tests {",
];

struct Mistake {
    name: &'static str,
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
    /// The scenario that must fail, and how.
    scenario: &'static str,
    failure: &'static str,
}

fn main() {
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for subject in &SUBJECTS {
        println!("cargo::rerun-if-changed={}", subject.scenarios);
        for (file, _) in subject.files {
            println!("cargo::rerun-if-changed={SOURCE}/{file}");
        }
        let made = subject.mistakes.iter();
        let modules: String = made.map(|mistake| mistake.make(subject, &out)).collect();
        let file = out.join(subject.name).with_extension("rs");
        fs::write(file, modules).expect("OUT_DIR can be written to");
    }
}

impl Mistake {
    /// Writes the sources with the mistake in them; returns the module that names them.
    fn make(&self, subject: &Subject, out: &Path) -> String {
        let folder = out.join(self.name);
        fs::create_dir_all(&folder).expect("OUT_DIR can be written to");
        let write = |path: &Path, text: String| {
            let file = path.file_name().expect("a file has a name");
            let text = if file == self.file {
                self.put_into(&text)
            } else {
                text
            };
            fs::write(folder.join(file), text).expect("OUT_DIR can be written to");
        };
        for (file, _) in subject.files {
            let path = Path::new(SOURCE).join(file);
            write(&path, without_tests(&read(&path)));
        }
        let scenarios = Path::new(subject.scenarios);
        write(scenarios, read(scenarios).replace("#[test]\n", ""));
        self.module(subject, &folder)
    }

    fn put_into(&self, source: &str) -> String {
        let found = source.matches(self.right).count();
        assert_eq!(found, 1, "{}: what it changes in {}", self.name, self.file);
        source.replace(self.right, self.wrong)
    }

    fn module(&self, subject: &Subject, folder: &Path) -> String {
        let Self {
            name,
            scenario,
            failure,
            ..
        } = self;
        let modules = subject.files.iter().filter_map(|(file, module)| {
            let path = folder.join(Path::new(file).file_name()?);
            Some(format!(
                "#[path = {:?}]\n    mod {};\n    ",
                text(&path),
                (*module)?
            ))
        });
        format!(
            r#"
#[allow(dead_code, unused_imports, unused_variables, clippy::all, clippy::pedantic, reason = "one mistake, one scenario")]
mod {name} {{
    {modules}#[path = {scenarios:?}]
    mod scenarios;
    use super::sync;

    #[test]
    fn is_seen() {{
        let test = "{subject}::{name}::is_seen";
        crate::mistakes::must_fail(test, {failure:?}, scenarios::{scenario});
    }}
}}
"#,
            modules = modules.collect::<String>(),
            subject = subject.name,
            scenarios = text(&folder.join("scenarios.rs")),
        )
    }
}

/// A file's tests stand at its end, or are a file of their own.
fn without_tests(source: &str) -> String {
    let source = source.replace(TESTS, "");
    let start = INLINE_TESTS.iter().find_map(|tests| source.find(tests));
    source[..start.unwrap_or(source.len())].to_owned()
}

fn read(path: &Path) -> String {
    let text = fs::read_to_string(path);
    text.expect("the sources are where the constants say")
}

fn text(path: &Path) -> &str {
    path.to_str()
        .expect("the target folder has a name in UTF-8")
}
