//! Doors in: where files arrive. [`folder`] looks at a folder, [`mail`] takes a mail apart.

pub mod folder;
pub mod mail;
