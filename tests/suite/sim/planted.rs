//! Broken histories: every rule can fail.
