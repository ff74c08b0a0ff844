//! Where fonts are looked for: the customer's folder first, then `$SHENLING_FONTS`, then the package's.

use std::path::PathBuf;

use super::{Environment, Settings};

/// The variable that names further folders, separated by `:`.
pub const VARIABLE: &str = "SHENLING_FONTS";

/// Where the Debian package puts its fonts.
pub const PACKAGED: &str = "/usr/share/shenling/fonts";

/// Folders deeper than this hold no fonts of ours.
const MAX_DEPTH: u32 = 4;

/// The folders in the order in which they count, whether they exist or not.
pub fn directories(settings: &Settings, environment: &Environment) -> Vec<PathBuf> {
    let named = environment.get(VARIABLE).map(String::as_str).unwrap_or_default();
    let named = named.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from);
    settings.paths.fonts_dir.iter().cloned().chain(named).chain([PathBuf::from(PACKAGED)]).collect()
}

/// The font files of these folders: in the order of the folders, sorted within each.
pub fn files(directories: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for directory in directories {
        let mut found = Vec::new();
        gather(directory.clone(), MAX_DEPTH, &mut found);
        found.sort();
        files.extend(found);
    }
    files
}

fn gather(folder: PathBuf, depth: u32, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let kind = path.extension().map(|kind| kind.to_string_lossy().to_lowercase());
        if path.is_dir() && depth > 0 {
            gather(path, depth - 1, found);
        } else if kind.is_some_and(|kind| matches!(kind.as_str(), "otf" | "ttf" | "ttc")) && path.is_file() {
            found.push(path);
        }
    }
}
