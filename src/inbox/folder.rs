//! The folder inbox: files that people drop, copy or save over SMB and NFS.
//!
//! Reads: the inbox folder and its subfolders. Writes: nothing but the removal of a file that was taken.
//! Safe to repeat because a file leaves only after its bytes are kept elsewhere.
//! When it fails: the file stays where it is and is seen again at the next look.
//! Trusts: nothing; names are only labels, links are not followed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fail::fail_point;

/// Deepest subfolder that is looked into.
const MAX_DEPTH: u32 = 4;
/// Most files that one look takes; the rest waits for the next look.
const MAX_FILES: usize = 10_000;

/// A file that stands in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    bytes: u64,
    modified: Option<SystemTime>,
}

/// What a look at the inbox found.
#[derive(Debug, Default)]
pub struct Look {
    /// Files whose size and time stand still, in order of their names.
    pub ready: Vec<PathBuf>,
    /// Files that are still being written; they wait for the next look.
    pub moving: Vec<PathBuf>,
    /// Links, devices and folders too deep: never read, whoever put them there must hear of it.
    pub passed_over: Vec<PathBuf>,
}

/// Looks twice, `settle` apart, and reports which files stood still in between. Polling on purpose: change
/// notices do not cross SMB and NFS. Does not wait where the inbox is empty.
pub async fn look(inbox: &Path, settle: Duration) -> io::Result<Look> {
    let mut look = Look::default();
    let first = standing(inbox, &mut look.passed_over)?;
    if first.is_empty() {
        return Ok(look);
    }
    tokio::time::sleep(settle).await;
    let second = standing(inbox, &mut Vec::new())?;
    for (path, now) in second {
        if first.get(&path) == Some(&now) { look.ready.push(path) } else { look.moving.push(path) }
    }
    Ok(look)
}

/// Reads a file, but never more than `max_bytes + 1` bytes: enough to tell that it is too large.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Since when a file stands where it stands, as it is. Not when it was last written: a copy may keep that of its source.
pub fn stands_since(path: &Path) -> io::Result<SystemTime> {
    let meta = fs::symlink_metadata(path)?;
    let seconds = u64::try_from(meta.ctime()).unwrap_or_default();
    let nanoseconds = u32::try_from(meta.ctime_nsec()).unwrap_or_default();
    Ok(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}

/// Takes a file out of the inbox: into `keep` under `label` where sources are kept for a while, else away.
pub fn remove(path: &Path, keep: Option<&Path>, label: &str) -> io::Result<()> {
    fail_point!("inbox.remove.before");
    if let Some(keep) = keep {
        let kept = keep.join(label);
        if fs::rename(path, &kept).is_err() {
            // Another file system: copy, make durable, then remove.
            let part = keep.join(format!("{label}.part"));
            fs::copy(path, &part)?;
            File::open(&part)?.sync_all()?;
            fs::rename(&part, &kept)?;
            fs::remove_file(path)?;
        }
        File::open(keep)?.sync_all()?;
    } else {
        fs::remove_file(path)?;
    }
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    fail_point!("inbox.remove.after");
    Ok(())
}

/// Removes kept sources that were last changed before an instant; returns how many.
pub fn purge(keep: &Path, before: SystemTime) -> io::Result<u32> {
    let mut purged = 0;
    let Ok(entries) = fs::read_dir(keep) else { return Ok(0) };
    for entry in entries {
        let entry = entry?;
        if entry.metadata()?.modified()? < before {
            fs::remove_file(entry.path())?;
            purged += 1;
        }
    }
    Ok(purged)
}

fn standing(inbox: &Path, passed_over: &mut Vec<PathBuf>) -> io::Result<BTreeMap<PathBuf, Standing>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(inbox.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let Ok(kind) = entry.file_type() else { continue };
            if is_passing(&entry.file_name().to_string_lossy()) || found.len() >= MAX_FILES {
                continue;
            }
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() {
                // A file that went away between the two calls is none of ours.
                let Ok(meta) = entry.metadata() else { continue };
                found.insert(entry.path(), Standing { bytes: meta.len(), modified: meta.modified().ok() });
            } else {
                passed_over.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Names that programs use while a file is open or under way.
fn is_passing(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.starts_with("~$")
        || name.starts_with('.')
        || [".tmp", ".part", ".crdownload", ".partial"].iter().any(|end| lower.ends_with(end))
        || matches!(lower.as_str(), "thumbs.db" | "desktop.ini")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_files_that_stand_still_are_ready() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("溧阳监狱")).unwrap();
        for name in ["b.xlsx", "溧阳监狱/a.csv", "~$b.xlsx", "c.tmp", "d.xlsx.part", ".hidden"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let growing = dir.path().join("e.csv");
        fs::write(&growing, "x").unwrap();
        let looking = look(dir.path(), Duration::from_millis(300));
        let writing = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            fs::write(&growing, "xy").unwrap();
        };
        let (look, ()) = tokio::join!(looking, writing);
        let look = look.unwrap();
        let names: Vec<_> = look.ready.iter().map(|p| p.strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["b.xlsx", "溧阳监狱/a.csv"]);
        assert_eq!(look.moving, [growing]);
    }

    #[tokio::test]
    async fn a_link_is_passed_over_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("b.xlsx");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        let deep = dir.path().join("1/2/3/4/5");
        fs::create_dir_all(&deep).unwrap();
        let look = look(dir.path(), Duration::from_millis(1)).await.unwrap();
        assert!(look.ready.is_empty() && look.moving.is_empty());
        assert_eq!(look.passed_over, [link, deep]);
    }

    #[test]
    fn reading_stops_one_byte_beyond_the_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), vec![7; 100]).unwrap();
        assert_eq!(read(file.path(), 10).unwrap().len(), 11);
        assert_eq!(read(file.path(), 1000).unwrap().len(), 100);
    }

    #[test]
    fn a_taken_file_is_kept_or_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (inbox, keep) = (dir.path().join("in"), dir.path().join("keep"));
        fs::create_dir(&inbox).unwrap();
        fs::create_dir(&keep).unwrap();
        fs::write(inbox.join("a"), "1").unwrap();
        remove(&inbox.join("a"), Some(&keep), "label").unwrap();
        assert_eq!(fs::read(keep.join("label")).unwrap(), b"1");
        fs::write(inbox.join("b"), "2").unwrap();
        remove(&inbox.join("b"), None, "label").unwrap();
        assert!(!inbox.join("b").exists());
    }
}
