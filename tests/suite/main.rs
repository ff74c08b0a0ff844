//! The test suite.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod calculation;
mod contract;
mod crash;
mod house;
mod import;
mod mail;
mod oracle;
mod plan;
mod properties;
mod remind;
mod season;
mod support;
