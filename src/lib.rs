//! shenling (申领): runs a city's subsidy programme for vocational training in prisons, unattended.
//!
//! Six short recipes ([`stages`]) read and write one [`store`]; what the notice says is in [`subsidy`], what the
//! papers look like is in [`forms`], and only [`inbox`] and [`outbox`] touch the world.

pub mod cli;
pub mod daemon;
pub mod forms;
pub mod inbox;
pub mod outbox;
pub mod settings;
pub mod stages;
pub mod store;
pub mod subsidy;
