//! Values of rows, whatever the exact types of the columns are.

use sqlx::mysql::MySqlRow;
use sqlx::{Error, Row};

use crate::clock::UnixSeconds;

/// An expression that reads a moment, of a `timestamp` as of a `datetime`, as seconds since 1970.
macro_rules! seconds_of {
    ($column:literal) => {
        concat!("TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', ", $column, ")")
    };
}
pub(super) use seconds_of;

/// An expression that makes a moment of seconds since 1970.
macro_rules! moment {
    () => {
        "TIMESTAMP('1970-01-01 00:00:00') + INTERVAL ? SECOND"
    };
}
pub(super) use moment;

/// A moment as a column of Magento's can hold it: a `timestamp` ends with 2038-01-19 03:14:07 UTC.
pub(super) fn storable(moment: UnixSeconds) -> u32 {
    moment.get().min(i32::MAX.unsigned_abs())
}

/// A whole number that is not negative; whatever lies outside of its bounds ends at them.
pub(super) fn number(row: &MySqlRow, column: &str) -> Result<u32, Error> {
    Ok(optional_number(row, column)?.unwrap_or_default())
}

/// The same, or nothing.
pub(super) fn optional_number(row: &MySqlRow, column: &str) -> Result<Option<u32>, Error> {
    let number: Option<i64> = row.try_get(column)?;
    Ok(number.map(|number| u32::try_from(number.max(0)).unwrap_or(u32::MAX)))
}

/// A number of sixteen bits.
pub(super) fn small(row: &MySqlRow, column: &str) -> Result<u16, Error> {
    Ok(u16::try_from(number(row, column)?).unwrap_or(u16::MAX))
}

/// Yes or no.
pub(super) fn flag(row: &MySqlRow, column: &str) -> Result<bool, Error> {
    Ok(number(row, column)? != 0)
}

/// A moment, or nothing.
pub(super) fn moment_of(row: &MySqlRow, column: &str) -> Result<Option<UnixSeconds>, Error> {
    Ok(optional_number(row, column)?.map(UnixSeconds))
}

/// Text, or nothing.
pub(super) fn text(row: &MySqlRow, column: &str) -> Result<Option<String>, Error> {
    row.try_get(column)
}
