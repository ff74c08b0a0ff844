//! Doors in: where files arrive. [`folder`] looks at a folder, [`mailbox`] fetches mails, [`mail`] takes one apart.

pub mod folder;
pub mod mail;
pub mod mailbox;
