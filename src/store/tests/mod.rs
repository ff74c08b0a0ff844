//! Every test runs on SQLite, and on PostgreSQL where `SHENLING_TEST_PG` names a database in which schemas may be made.

mod alarms;
mod audit;
mod batches;
mod corrections;
mod deeds;
mod deliveries;
mod engine;
mod intake;
mod letters;
mod machines;
mod notices;
mod occurrences;
mod plans;
mod received;
mod schema;
mod seals;
mod secrets;
mod support;
mod tray;
mod undo;
mod waivers;
