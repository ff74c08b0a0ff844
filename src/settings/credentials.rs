//! Secrets: from systemd's credentials folder, else from a file in `data/credentials/` that only its owner may read.

use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::mistake::{Mistake, Severity};

/// The folder below `data`.
pub const FOLDER: &str = "credentials";

/// The vault's key: 32 bytes in hex.
pub const VAULT_KEY: &str = "vault-key";

/// The password with which [`super::Mail::user`] logs in.
pub const SMTP_PASSWORD: &str = "smtp-password";

/// The password with which [`super::Mailbox::user`] logs in.
pub const IMAP_PASSWORD: &str = "imap-password";

/// A secret is a line of text; anything longer is another file.
const MAX_SECRET_BYTES: u64 = 4096;

/// The variable in which systemd names its credentials folder.
pub const DIRECTORY_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// The credential that holds the ZIP password of a recipient.
pub fn zip_password(recipient: &str) -> String {
    format!("zip-password-{recipient}")
}

/// The file in the data folder in which a credential may stand.
pub fn file(data_dir: &Path, name: &str) -> PathBuf {
    data_dir.join(FOLDER).join(name)
}

/// Reads a credential: `$CREDENTIALS_DIRECTORY` first, then the data folder. `None` = there is none.
/// A file that others may read, an empty one and an unreadable one are mistakes: never is another one taken instead.
pub fn read(
    name: &str,
    data_dir: &Path,
    credentials_directory: Option<&Path>,
) -> Result<Option<Zeroizing<String>>, Mistake> {
    if !is_name(name) {
        return Err(mistake(Path::new(name), "不是凭据名", "凭据名只含字母、数字、- 和 _"));
    }
    if let Some(directory) = credentials_directory {
        // systemd itself guards this folder.
        if let Some(secret) = contents(&directory.join(name), false)? {
            return Ok(Some(secret));
        }
    }
    contents(&file(data_dir, name), true)
}

/// Whether a credential may have this name.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn contents(path: &Path, guarded: bool) -> Result<Option<Zeroizing<String>>, Mistake> {
    let unreadable = |error: std::io::Error| mistake(path, &format!("读不到凭据（{error}）"), "请核对文件及其权限");
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if guarded && mode & 0o077 != 0 {
        let advice = format!("请运行 chmod 600 {}", path.display());
        return Err(mistake(path, &format!("凭据文件别人也能读（权限 {mode:o}）"), &advice));
    }
    if metadata.len() > MAX_SECRET_BYTES {
        return Err(mistake(path, "文件太大，不是凭据", "凭据是一行文字"));
    }
    let mut text = Zeroizing::new(String::new());
    file.by_ref().take(MAX_SECRET_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.trim().is_empty() {
        return Err(mistake(path, "凭据文件是空的", "请写入一行口令，或删去此文件"));
    }
    if secret.contains('\n') {
        return Err(mistake(path, "凭据多于一行", "只写一行，末尾换行可有可无"));
    }
    Ok(Some(Zeroizing::new(secret.to_owned())))
}

fn mistake(path: &Path, message: &str, advice: &str) -> Mistake {
    Mistake::of(Severity::Error, path.display().to_string(), message, advice)
}
