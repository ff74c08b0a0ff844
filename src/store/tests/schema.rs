//! The two schemas: same names, every column commented; opening at once, opening again, wrong addresses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::support::{on_both, vault};
use crate::store::{Store, StoreError};

/// Every migration of an engine, in order. A table that SQLite has to build anew is no table of its own.
fn schema(engine: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let schema: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut rebuilt = false;
    let keep = |line: &&str| {
        rebuilt = line.contains("_rebuilt (") || (rebuilt && !line.starts_with(')'));
        !rebuilt
    };
    schema.lines().filter(keep).collect::<Vec<_>>().join("\n")
}

/// Columns per table; a column without a comment is a fault.
fn tables(schema: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut tables: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut table = None;
    for line in schema.lines() {
        let added = line.strip_prefix("ALTER TABLE ").and_then(|rest| rest.split_once(" ADD COLUMN "));
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            table = rest.strip_suffix(" (");
        } else if line.starts_with(')') {
            table = None;
        } else if let Some((table, column)) = added.or(table.map(|table| (table, line))) {
            let name = column.split_whitespace().next().unwrap();
            if !matches!(name, "PRIMARY" | "UNIQUE") {
                assert!(line.contains(" -- "), "{table}.{name} has no comment");
                tables.entry(table).or_default().push(name);
            }
        }
    }
    tables
}

#[test]
fn both_schemas_have_the_same_tables_and_columns_each_commented() {
    let (lite, pg) = (schema("sqlite"), schema("postgres"));
    assert_eq!(tables(&lite), tables(&pg));
    assert_eq!(tables(&lite).len(), lite.matches("CREATE TABLE").count());
}

#[tokio::test]
async fn a_new_database_may_be_opened_twice_at_once_and_again() {
    on_both(async |world| {
        let (one, two) = tokio::join!(world.open(), world.open());
        assert_eq!(one.stamp().await.unwrap(), two.stamp().await.unwrap());
        one.close().await;
        two.close().await;
        world.open().await.close().await;
    })
    .await;
}

#[tokio::test]
async fn only_the_two_kinds_of_address_are_opened() {
    for url in ["", "season.db", "sqlite:", "mysql://host/name"] {
        assert!(matches!(Store::open(url, vault()).await, Err(StoreError::BadUrl)), "{url}");
    }
    let error = Store::open("sqlite:/no/such/folder/season.db", vault()).await.unwrap_err();
    assert!(error.is_transient(), "a folder may be mounted later: {error:?}");
}
