//! The folder door: `outbox/<recipient>/<batch>/`, every file whole or absent, the manifest last.
//!
//! Reads: files that are already there. Writes: the packet's files.
//! Safe to repeat because the same bytes under the same name are left alone.
//! When it fails: `TryLater` with the reason; what was renamed stays, what was not is written again.
//! Trusts: that whoever reads the folder waits for `manifest.json`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use fail::fail_point;

use super::{Answer, Parcel};

/// Puts a packet into the outbox.
pub fn deliver(outbox: &Path, parcel: &Parcel<'_>) -> Answer {
    let folder = outbox.join(parcel.recipient).join(parcel.reference);
    match put_all(outbox, &folder, parcel) {
        Ok(None) => Answer::Accepted(folder.display().to_string()),
        Ok(Some(name)) => Answer::Refused(format!(
            "{} 中已有内容不同的 {name}。请确认是谁改动了它，移走后用 shenling once deliver 重新投递",
            folder.display()
        )),
        Err(error) => Answer::TryLater(format!("无法写入 {}：{error}", folder.display())),
    }
}

/// Writes every file that is not there yet; names one that is there with other bytes.
fn put_all(outbox: &Path, folder: &Path, parcel: &Parcel<'_>) -> io::Result<Option<String>> {
    fs::create_dir_all(folder)?;
    for made in [folder.parent(), Some(outbox)].into_iter().flatten() {
        File::open(made)?.sync_all()?;
    }
    for (name, bytes) in parcel.files {
        match fs::read(folder.join(name)) {
            Ok(there) if there == *bytes => {}
            Ok(_) => return Ok(Some(name.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => put(folder, name, bytes)?,
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Writes to a temporary name, fsyncs, renames, fsyncs the folder.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = folder.join(".part");
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    fail_point!("outbox.put.before-fsync");
    file.sync_all()?;
    fail_point!("outbox.put.before-rename");
    fs::rename(&part, folder.join(name))?;
    fail_point!("outbox.put.before-folder-fsync");
    File::open(folder)?.sync_all()?;
    fail_point!("outbox.put.after-folder-fsync");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_arrives_whole_and_again_without_change() {
        let dir = tempfile::tempdir().unwrap();
        let files = [("a.zip".to_owned(), vec![1, 2]), ("manifest.json".to_owned(), b"{}".to_vec())];
        let parcel = Parcel { recipient: "bureau", reference: "CZ-2026-Q4-001", files: &files };
        assert!(matches!(deliver(dir.path(), &parcel), Answer::Accepted(_)));
        let folder = dir.path().join("bureau/CZ-2026-Q4-001");
        fs::remove_file(folder.join("manifest.json")).unwrap();
        fs::write(folder.join(".part"), "half").unwrap();
        assert!(matches!(deliver(dir.path(), &parcel), Answer::Accepted(_)));
        assert_eq!(fs::read(folder.join("a.zip")).unwrap(), [1, 2]);
        assert_eq!(fs::read(folder.join("manifest.json")).unwrap(), b"{}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn what_someone_changed_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let files = [("a.zip".to_owned(), vec![1, 2])];
        let parcel = Parcel { recipient: "bureau", reference: "B", files: &files };
        deliver(dir.path(), &parcel);
        fs::write(dir.path().join("bureau/B/a.zip"), "edited").unwrap();
        assert!(matches!(deliver(dir.path(), &parcel), Answer::Refused(_)));
        assert_eq!(fs::read(dir.path().join("bureau/B/a.zip")).unwrap(), b"edited");
    }

    #[test]
    fn an_outbox_that_cannot_be_written_is_tried_later() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let parcel = Parcel { recipient: "bureau", reference: "B", files: &[] };
        assert!(matches!(deliver(file.path(), &parcel), Answer::TryLater(_)));
    }
}
