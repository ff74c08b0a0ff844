//! The vault: seals personal data, finds it again by keyed hash, signs the audit log.
//!
//! One master key of 32 bytes gives three keys by HKDF-SHA256: for sealing (AES-256-GCM, random nonces), for looking
//! up (HMAC-SHA256) and for the audit log (HMAC-SHA256). It reads no file: the caller brings the key.
//! When it fails: a sealed value that does not open was damaged, moved to another column, or sealed under another
//! key; trying again never helps.

use std::fmt;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{Aead, AeadInOut, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Length of the master key in bytes.
pub const KEY_BYTES: usize = 32;

/// First byte of everything sealed: tells later versions how to open it.
const SEAL_VERSION: u8 = 1;

/// Bytes of the random nonce.
const NONCE_BYTES: usize = 12;

/// Bytes of the tag behind what is sealed.
const TAG_BYTES: usize = 16;

/// Why the vault refuses.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The key file holds neither 32 raw bytes nor 64 hexadecimal digits.
    #[error("the master key must be 32 bytes or 64 hexadecimal digits")]
    BadKey,
    /// The value does not open: damaged, of another column, or sealed under another key.
    #[error("sealed value of {0} does not open: damaged, or sealed under another key")]
    DoesNotOpen(&'static str),
}

/// The keys of one installation. Its `Debug` output prints nothing of them.
#[derive(Clone)]
pub struct Vault {
    seal: Aes256Gcm,
    lookup: Hmac<Sha256>,
    audit: Hmac<Sha256>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// From the content of a key file: 32 raw bytes, or 64 hexadecimal digits with white space around them.
    pub fn from_key(content: &[u8]) -> Result<Vault, VaultError> {
        let mut master = Zeroizing::new([0_u8; KEY_BYTES]);
        if content.len() == KEY_BYTES {
            master.copy_from_slice(content);
        } else {
            hex::decode_to_slice(content.trim_ascii(), &mut *master).map_err(|_| VaultError::BadKey)?;
        }
        let kdf = Hkdf::<Sha256>::new(Some(b"shenling vault 1"), &*master);
        let subkey = |purpose: &[u8]| -> Result<Zeroizing<[u8; 32]>, VaultError> {
            let mut key = Zeroizing::new([0_u8; 32]);
            kdf.expand(purpose, &mut *key).map_err(|_| VaultError::BadKey)?;
            Ok(key)
        };
        let mac = |key: &[u8; 32]| <Hmac<Sha256> as KeyInit>::new_from_slice(key).map_err(|_| VaultError::BadKey);
        Ok(Vault {
            seal: Aes256Gcm::new_from_slice(&*subkey(b"seal")?).map_err(|_| VaultError::BadKey)?,
            lookup: mac(&*subkey(b"lookup")?)?,
            audit: mac(&*subkey(b"audit")?)?,
        })
    }

    /// A new random master key in hexadecimal, for `init` to write into a file of mode 0600.
    pub fn new_key() -> Zeroizing<String> {
        let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
        rand::fill(&mut key[..]);
        Zeroizing::new(hex::encode(&key[..]))
    }

    /// Seals bytes for one column. `context` is `table.column`: a value moved to another column does not open.
    pub fn seal(&self, context: &'static str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0_u8; NONCE_BYTES];
        rand::fill(&mut nonce);
        let mut out = Vec::with_capacity(1 + NONCE_BYTES + plain.len() + TAG_BYTES);
        out.push(SEAL_VERSION);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        // In its place: an original is large, and no copy of it stays behind.
        let body = InOutBuf::from(&mut out[1 + NONCE_BYTES..]);
        let tag = self.seal.encrypt_inout_detached(&Nonce::from(nonce), context.as_bytes(), body);
        out.extend_from_slice(&tag.expect("AES-GCM takes up to 64 GiB"));
        out
    }

    /// Opens what [`Vault::seal`] sealed for the same column.
    pub fn open(&self, context: &'static str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let refused = VaultError::DoesNotOpen(context);
        let (version, rest) = sealed.split_first().ok_or(refused)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(refused)?;
        if *version != SEAL_VERSION {
            return Err(refused);
        }
        let payload = Payload { msg: body, aad: context.as_bytes() };
        self.seal.decrypt(&Nonce::from(*nonce), payload).map_err(|_| refused)
    }

    /// Serialises a value with postcard and seals it whole.
    pub(super) fn seal_value<T: Serialize + ?Sized>(&self, context: &'static str, value: &T) -> Vec<u8> {
        let plain = Zeroizing::new(postcard::to_stdvec(value).expect("rows of plain data serialise"));
        self.seal(context, &plain)
    }

    /// Opens what [`Vault::seal_value`] sealed.
    pub(super) fn open_value<T: DeserializeOwned>(
        &self,
        context: &'static str,
        sealed: &[u8],
    ) -> Result<T, VaultError> {
        let plain = Zeroizing::new(self.open(context, sealed)?);
        postcard::from_bytes(&plain).map_err(|_| VaultError::DoesNotOpen(context))
    }

    /// Keyed hash by which a value is found without standing in clear. `context` keeps equal texts of different
    /// meaning apart.
    pub fn lookup(&self, context: &'static str, value: &[u8]) -> [u8; 16] {
        let mut mac = self.lookup.clone();
        mac.update(context.as_bytes());
        mac.update(&[0]);
        mac.update(value);
        let full = mac.finalize().into_bytes();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        short
    }

    /// Signs fields in order; each is preceded by its length, so that no two lists of fields sign alike.
    pub fn mac(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.audit.clone();
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }
}

/// SHA-256 of plain bytes, in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
