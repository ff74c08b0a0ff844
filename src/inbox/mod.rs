//! Doors in: where files arrive. A mailbox joins the folder later.

pub mod folder;
