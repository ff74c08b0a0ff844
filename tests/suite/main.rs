//! The test suite.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod calculation;
mod check;
mod contract;
mod crash;
mod daemon;
mod decision;
mod faults;
mod house;
mod import;
mod inbox;
mod mail;
mod mailbox;
mod november;
mod oracle;
mod outage;
mod plan;
mod properties;
mod remind;
mod season;
mod sim;
mod support;
