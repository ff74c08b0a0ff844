//! Packets: papers in an AES-256 ZIP that the usual archivers (7-Zip, Bandizip, WPS) open. Names inside are not encrypted.

use std::io::{Cursor, Read, Write};

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Asia::Shanghai;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{AesMode, CompressionMethod, ZipArchive, ZipWriter};

use super::PaperError;

/// Shortest password of a packet.
pub const MIN_PASSWORD_CHARS: usize = 8;
/// Most members that are unpacked.
const MAX_MEMBERS: usize = 100_000;
/// Largest sum of unpacked members, in bytes.
const MAX_UNPACKED_BYTES: u64 = 8 << 30;

/// Packs members, each with its name and content, under a password. `modified` is when the batch was sealed; the salts
/// are random, so a packet is made once, stored and sent again as stored.
pub fn pack(members: &[(&str, &[u8])], password: &str, modified: DateTime<Utc>) -> Result<Vec<u8>, PaperError> {
    check_password(password)?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip_time(modified))
        .unix_permissions(0o600)
        .with_aes_encryption(AesMode::Aes256, password);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, options).map_err(broken)?;
        zip.write_all(bytes).map_err(|error| broken(error.into()))?;
    }
    Ok(zip.finish().map_err(broken)?.into_inner())
}

/// Unpacks what [`pack`] packed, in its order.
pub fn unpack(packet: &[u8], password: &str) -> Result<Vec<(String, Vec<u8>)>, PaperError> {
    let mut zip = ZipArchive::new(Cursor::new(packet)).map_err(broken)?;
    if zip.len() > MAX_MEMBERS {
        return Err(PaperError::Packet(format!("文件超过{MAX_MEMBERS}个")));
    }
    let mut members = Vec::new();
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..zip.len() {
        let member = zip.by_index_decrypt(index, password.as_bytes()).map_err(broken)?;
        let name = member.name().map_err(broken)?.into_owned();
        let mut bytes = Vec::new();
        member.take(left + 1).read_to_end(&mut bytes).map_err(|error| broken(error.into()))?;
        left = left
            .checked_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            .ok_or_else(|| PaperError::Packet("解压后过大".to_owned()))?;
        members.push((name, bytes));
    }
    Ok(members)
}

/// Whether a password can be used. Other programs encode other characters in the code page of their computer, and then
/// the password is wrong there.
pub fn check_password(password: &str) -> Result<(), PaperError> {
    if !password.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(PaperError::Password("加密口令只能用英文字母、数字和半角符号，不能有中文或空格"));
    }
    if password.len() < MIN_PASSWORD_CHARS {
        return Err(PaperError::Password("加密口令至少8位"));
    }
    Ok(())
}

/// A ZIP knows neither zones nor years before 1980: Shanghai's clock, or the first day it knows.
fn zip_time(at: DateTime<Utc>) -> zip::DateTime {
    let local = at.with_timezone(&Shanghai);
    let small = |n: u32| u8::try_from(n).unwrap_or(0);
    u16::try_from(local.year())
        .ok()
        .and_then(|year| {
            let (month, day) = (small(local.month()), small(local.day()));
            let (hour, minute, second) = (small(local.hour()), small(local.minute()), small(local.second()));
            zip::DateTime::from_date_and_time(year, month, day, hour, minute, second).ok()
        })
        .unwrap_or_default()
}

fn broken(error: ZipError) -> PaperError {
    PaperError::Packet(match error {
        ZipError::InvalidPassword => "口令不对".to_owned(),
        other => other.to_string(),
    })
}
