//! Values on their way into a statement and out of an answer, the same for both engines.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::{Result, StoreError};

/// One value for a statement.
#[derive(Clone, Debug)]
pub(super) enum Arg {
    /// BIGINT.
    Int(Option<i64>),
    /// TEXT.
    Text(Option<String>),
    /// TEXT that is known at compile time.
    Word(&'static str),
    /// BLOB / BYTEA.
    Bytes(Option<Vec<u8>>),
}

/// One row of an answer.
pub(super) enum Row {
    /// From SQLite.
    Lite(SqliteRow),
    /// From PostgreSQL.
    Pg(PgRow),
}

macro_rules! args_from {
    ($($from:ty => $make:expr;)*) => {$(
        impl From<$from> for Arg {
            fn from(value: $from) -> Arg {
                let make: fn($from) -> Arg = $make;
                make(value)
            }
        }
    )*};
}
args_from! {
    i64 => |v| Arg::Int(Some(v));
    Option<i64> => Arg::Int;
    u32 => |v| Arg::Int(Some(i64::from(v)));
    bool => |v| Arg::Int(Some(i64::from(v)));
    String => |v| Arg::Text(Some(v));
    Option<String> => Arg::Text;
    &'static str => Arg::Word;
    Vec<u8> => |v| Arg::Bytes(Some(v));
    Option<Vec<u8>> => Arg::Bytes;
    [u8; 16] => |v| Arg::Bytes(Some(v.to_vec()));
    Option<[u8; 16]> => |v| Arg::Bytes(v.map(|v| v.to_vec()));
    [u8; 32] => |v| Arg::Bytes(Some(v.to_vec()));
}

/// A list of [`Arg`]s from values of any type that a column takes.
macro_rules! args {
    ($($value:expr),* $(,)?) => { [$($crate::store::values::Arg::from($value)),*] };
}
pub(super) use args;

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => {
        impl Row {$(
            $(#[$doc])*
            pub(super) fn $name(&self, column: usize) -> Result<$type> {
                Ok(match self {
                    Row::Lite(row) => row.try_get(column)?,
                    Row::Pg(row) => row.try_get(column)?,
                })
            }
        )*}
    };
}
getters! {
    /// BIGINT.
    int -> i64;
    /// BIGINT or NULL.
    int_or_null -> Option<i64>;
    /// TEXT.
    text -> String;
    /// TEXT or NULL.
    text_or_null -> Option<String>;
    /// BLOB / BYTEA.
    bytes -> Vec<u8>;
    /// BLOB / BYTEA or NULL.
    bytes_or_null -> Option<Vec<u8>>;
}

impl Row {
    /// A count.
    pub(super) fn count(&self, column: usize) -> Result<u64> {
        let value = self.int(column)?;
        u64::try_from(value).map_err(|_| StoreError::Damaged(format!("count {value}")))
    }

    /// A small count or number.
    pub(super) fn number(&self, column: usize) -> Result<u32> {
        let value = self.int(column)?;
        u32::try_from(value).map_err(|_| StoreError::Damaged(format!("number {value}")))
    }

    /// A hash of fixed length.
    pub(super) fn hash<const N: usize>(&self, column: usize) -> Result<[u8; N]> {
        let bytes = self.bytes(column)?;
        bytes.try_into().map_err(|_| StoreError::Damaged("length of a hash".to_owned()))
    }
}
