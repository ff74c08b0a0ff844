//! Counts what really comes out of a zip part, whatever its header claims.

use std::cell::Cell;
use std::io::{self, Read};

/// The longest stretch without a `<` in a part. A cell holds at most 32,767 characters; only a zip bomb has more.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// How many bytes may still be inflated from one file.
pub(super) struct Budget {
    left: Cell<u64>,
    exceeded: Cell<bool>,
}

impl Budget {
    /// A budget of this many bytes.
    pub(super) fn new(bytes: u64) -> Budget {
        Budget { left: Cell::new(bytes), exceeded: Cell::new(false) }
    }

    /// Whether a reader wanted more than there was.
    pub(super) fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }
}

/// A reader that takes from a [`Budget`].
pub(super) struct Metered<'a, R> {
    inner: R,
    budget: &'a Budget,
    since_tag_bytes: usize,
}

impl<'a, R: Read> Metered<'a, R> {
    /// Reads from `inner` as long as the budget lasts.
    pub(super) fn new(inner: R, budget: &'a Budget) -> Metered<'a, R> {
        Metered { inner, budget, since_tag_bytes: 0 }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.since_tag_bytes = match buffer[..count].iter().rposition(|byte| *byte == b'<') {
            Some(at) => count - at,
            None => self.since_tag_bytes + count,
        };
        match self.budget.left.get().checked_sub(count as u64) {
            Some(left) if self.since_tag_bytes <= MAX_TEXT_BYTES => {
                self.budget.left.set(left);
                Ok(count)
            }
            _ => {
                self.budget.exceeded.set(true);
                Err(io::Error::other("more bytes than a part may have"))
            }
        }
    }
}
