//! What `shenling init` writes: a commented `shenling.toml`, the catalogue's empty tables, folders and the vault's key.
//!
//! Writes: the folder given. Safe to repeat because nothing is ever overwritten: a second run says what is there.
//! When it fails: what was written stays; the message names the path.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::credentials;
use super::layers::DEFAULTS;

/// The files and what stands in them; paths relative to the folder.
const FILES: [(&str, &str); 8] = [
    ("shenling.toml", DEFAULTS),
    ("catalogue/README.md", include_str!("../../config/catalogue/README.md")),
    ("catalogue/institutions.csv", include_str!("../../config/catalogue/institutions.csv")),
    ("catalogue/penalties.csv", include_str!("../../config/catalogue/penalties.csv")),
    ("catalogue/agreements.csv", include_str!("../../config/catalogue/agreements.csv")),
    ("catalogue/occupations.csv", include_str!("../../config/catalogue/occupations.csv")),
    ("catalogue/rates.csv", include_str!("../../config/catalogue/rates.csv")),
    ("catalogue/policies.toml", include_str!("../../config/catalogue/policies.toml")),
];

/// Folders that all who work with the programme may enter.
const OPEN_FOLDERS: [&str; 4] = ["catalogue", "holidays", "inbox", "outbox"];

/// Folders that only the program may enter.
const CLOSED_FOLDERS: [&str; 2] = ["data", "data/credentials"];

/// Excel opens a csv as UTF-8 only behind this mark; an administrator's first act is to open these files.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// Why `init` could not finish.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Something is there already; nothing was written.
    #[error("已经存在，不会覆盖：{}；请换一个文件夹，或先移走这些文件", .0.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join("、"))]
    Exists(Vec<PathBuf>),
    /// Something else stands where the folder should be.
    #[error("{} 是一个文件，不是文件夹；请换一个名称", .0.display())]
    NotAFolder(PathBuf),
    /// The world is broken.
    #[error("写不了 {}：{source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A new random key for the vault.
pub fn new_vault_key() -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    rand::fill(&mut key[..]);
    key
}

/// Writes everything under `dir` and returns the files written, in order. Refuses to overwrite anything.
pub fn write(dir: &Path, vault_key: &[u8; 32]) -> Result<Vec<PathBuf>, InitError> {
    if dir.exists() && !dir.is_dir() {
        return Err(InitError::NotAFolder(dir.to_path_buf()));
    }
    let key_file = credentials::file(&dir.join("data"), credentials::VAULT_KEY);
    // A table as .xlsx beside our .csv would be one table too many.
    let tables = FILES.iter().map(|(name, _)| dir.join(name).with_extension("xlsx"));
    let ours = FILES.iter().map(|(name, _)| dir.join(name)).chain([key_file.clone()]);
    let there: Vec<PathBuf> = ours.chain(tables).filter(|path| path.symlink_metadata().is_ok()).collect();
    if !there.is_empty() {
        return Err(InitError::Exists(there));
    }
    let mut folders = vec![dir.to_path_buf()];
    make_folder(dir, 0o755)?;
    for name in OPEN_FOLDERS {
        folders.push(dir.join(name));
        make_folder(&dir.join(name), 0o755)?;
    }
    for name in CLOSED_FOLDERS {
        let folder = dir.join(name);
        make_folder(&folder, 0o700)?;
        // It may have stood there before, open to all.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).map_err(at(&folder))?;
        folders.push(folder);
    }
    let mut written = Vec::new();
    for (name, text) in FILES {
        let path = dir.join(name);
        let is_table = path.extension().is_some_and(|kind| kind == "csv");
        let mark = if is_table { BYTE_ORDER_MARK } else { "" };
        write_new(&path, format!("{mark}{text}").as_bytes(), 0o644)?;
        written.push(path);
    }
    let key = Zeroizing::new(format!("{}\n", &*Zeroizing::new(hex::encode(vault_key))));
    write_new(&key_file, key.as_bytes(), 0o600)?;
    written.push(key_file);
    for folder in folders.iter().rev() {
        sync_folder(folder)?;
    }
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_folder(parent)?;
    }
    Ok(written)
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> InitError {
    let path = path.to_path_buf();
    move |source| InitError::Io { path: path.clone(), source }
}

fn make_folder(path: &Path, mode: u32) -> Result<(), InitError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(at(path))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), InitError> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(at(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(path))
}

fn sync_folder(path: &Path) -> Result<(), InitError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(at(path))
}
