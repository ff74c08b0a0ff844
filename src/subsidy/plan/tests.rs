//! Cross-checks, golden cases.
