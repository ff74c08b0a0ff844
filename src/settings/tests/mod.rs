//! Broken configs and catalogues, with the exact mistakes expected.

mod catalogue;
mod config;
mod doors;
mod mailbox;
mod workbooks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Environment, Loaded, Mistake, init, load};

/// A folder as `init` writes it, to be spoiled.
struct Folder {
    root: tempfile::TempDir,
}

impl Folder {
    fn new() -> Folder {
        let root = tempfile::tempdir().unwrap();
        init::write(root.path(), &[7; 32]).unwrap();
        Folder { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn put(&self, name: &str, contents: impl AsRef<[u8]>) -> &Folder {
        std::fs::write(self.path(name), contents).unwrap();
        self
    }

    fn remove(&self, name: &str) -> &Folder {
        std::fs::remove_file(self.path(name)).unwrap();
        self
    }

    fn load(&self) -> Result<Loaded, Vec<Mistake>> {
        load(&self.path("shenling.toml"), &Environment::new())
    }

    /// Everything said, errors and warnings alike, as it is printed.
    fn said(&self) -> Vec<String> {
        match self.load() {
            Ok(loaded) => told(&loaded.warnings),
            Err(mistakes) => told(&mistakes),
        }
    }

    fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|mistakes| panic!("{:#?}", told(&mistakes)))
    }
}

fn told(mistakes: &[Mistake]) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

/// Place and first sentence, without the advice.
fn heads(said: &[String]) -> Vec<&str> {
    said.iter().map(|line| line.split('；').next().unwrap_or_default()).collect()
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
}

/// The repository's folder of config files.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}
