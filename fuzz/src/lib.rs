//! The readers alone, taken in by path: a fuzz target is then built in a minute, without database and typesetting.

/// What findings are named by.
#[path = "../../src/subsidy"]
pub mod subsidy {
    pub mod finding;
}

/// The readers.
#[path = "../../src/forms"]
pub mod forms {
    pub mod grid;
}

/// The reader of mails.
#[path = "../../src/inbox"]
pub mod inbox {
    pub mod mail;
}
