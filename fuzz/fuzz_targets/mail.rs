//! Whatever bytes come as a mail: read or refused, within the limits, and no name that could leave its folder.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shenling_fuzz::inbox::mail::{Limits, read};

const LIMITS: Limits = Limits { max_enclosure_bytes: 1 << 16, max_unpacked_bytes: 1 << 18, max_enclosures: 8 };

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mail) = read(bytes, &["secret"], &LIMITS) {
        assert!(mail.enclosures.len() <= LIMITS.max_enclosures, "more files than are taken");
        for enclosure in &mail.enclosures {
            assert!(enclosure.bytes.len() as u64 <= LIMITS.max_enclosure_bytes, "a file larger than is taken");
            assert!(!enclosure.name.contains(['/', '\\', '\0']), "a name is no path: {}", enclosure.name);
        }
        // What stands in the mail unpacked is no larger than the mail.
        let files: u64 = mail.enclosures.iter().map(|enclosure| enclosure.bytes.len() as u64).sum();
        assert!(files <= LIMITS.max_unpacked_bytes + bytes.len() as u64, "more than is unpacked");
    }
});
