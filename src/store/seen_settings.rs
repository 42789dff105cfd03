//! The settings of a shop when they were last seen, so that what was changed while no server ran is noticed at the next start.

use rusqlite::Connection;

use crate::settings::DEFINITIONS;
use crate::store::{SettingRow, ledger};

/// The key in `meta` of the note, as JSON.
const SEEN: &str = "seen_settings";

/// From now on they are these.
pub(super) fn note(to: &Connection, rows: &[SettingRow]) -> rusqlite::Result<()> {
    let note = serde_json::to_vec(&(paths(), rows));
    ledger::set_meta(to, SEEN, &note.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?)
}

/// What was noted last; `None` when nothing was, or by a program that knew other settings.
pub(super) fn noted(from: &Connection) -> rusqlite::Result<Option<Vec<SettingRow>>> {
    let note = ledger::meta(from, SEEN)?;
    let read = note.and_then(|note| serde_json::from_slice::<(Vec<String>, Vec<SettingRow>)>(&note).ok());
    Ok(read.filter(|(known, _)| *known == paths()).map(|(_, rows)| rows))
}

/// They were another shop's.
pub(super) fn forget(from: &Connection) -> rusqlite::Result<()> {
    from.execute("DELETE FROM meta WHERE key = ?1", [SEEN]).map(drop)
}

fn paths() -> Vec<&'static str> {
    DEFINITIONS.iter().map(|definition| definition.path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Scope;

    #[test]
    fn a_program_that_knows_other_settings_has_not_seen_them() {
        let file = Connection::open_in_memory().unwrap();
        file.execute_batch("CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL)").unwrap();
        assert_eq!(noted(&file).unwrap(), None);
        let row = SettingRow { path: paths()[0].to_owned(), scope: Scope::Default, value: Some("7".to_owned()) };
        note(&file, std::slice::from_ref(&row)).unwrap();
        assert_eq!(noted(&file).unwrap(), Some(vec![row]));
        let older = serde_json::to_vec(&(&paths()[1..], Vec::<SettingRow>::new())).unwrap();
        ledger::set_meta(&file, SEEN, &older).unwrap();
        assert_eq!(noted(&file).unwrap(), None);
    }
}
