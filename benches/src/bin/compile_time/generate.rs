//! The crates that are compiled: the same handlers, in three versions.

use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

pub(crate) const HANDLERS: usize = 200;

/// Attribute on the handlers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    Plain,
    Cached,
    Instrumented,
}

impl Version {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Cached, Self::Instrumented];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Cached => "cached",
            Self::Instrumented => "instrumented",
        }
    }

    fn attribute(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Cached => "#[cached_response::cached_response(timeout = 60)]\n",
            Self::Instrumented => "#[tracing::instrument]\n",
        }
    }

    pub(crate) fn source(self, folder: &Path) -> PathBuf {
        folder.join(self.name()).join("lib.rs")
    }
}

/// Writes them into a workspace of their own below the target folder.
pub(crate) fn write() -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("compile_time");
    fs::create_dir_all(&folder)?;
    let members = Version::ALL.map(Version::name);
    fs::write(
        folder.join("Cargo.toml"),
        format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n"),
    )?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    for version in Version::ALL {
        let package = folder.join(version.name());
        fs::create_dir_all(&package)?;
        fs::write(package.join("Cargo.toml"), manifest(version, &root))?;
        fs::write(version.source(&folder), handlers(version))?;
    }
    Ok(folder)
}

/// All have the same dependencies, so that nothing but the handlers differs.
fn manifest(version: Version, root: &Path) -> String {
    format!(
        r#"[package]
name = "{}"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"

[dependencies]
actix-web = {{ version = "4", default-features = false, features = ["macros"] }}
cached-response.path = "{}"
serde = {{ version = "1", features = ["derive"] }}
tracing = {{ version = "0.1", default-features = false, features = ["std", "attributes"] }}
"#,
        version.name(),
        root.join("cached-response").display()
    )
}

fn handlers(version: Version) -> String {
    let mut code = String::from(
        "#![allow(missing_docs)]\nuse actix_web::{Responder, get, web::{Path, Query}};\n\
         #[derive(Debug, serde::Deserialize)]\npub struct Listing { page: u32, sort: String }\n",
    );
    let attribute = version.attribute();
    for number in 0..HANDLERS {
        let _ = write!(
            code,
            "\n#[get(\"/handler{number}/{{id}}\")]\n{attribute}\
             pub async fn handler_{number}(id: Path<u32>, listing: Query<Listing>) -> impl Responder {{\n    \
             format!(\"{{}} {{}} {{}}\", id, listing.page, listing.sort)\n}}\n"
        );
    }
    code
}
