//! Commands about settings.

use serde_json::{Map, Value, json};

use super::{Office, Outcome, done, row, text};
use crate::control::Answer;
use crate::settings::{Definition, Scope, Snapshot};

impl Office {
    pub(super) fn show_settings(&self, path: Option<&str>, scope: &str) -> Outcome {
        let snapshot = self.keeper.snapshot();
        let scope = parse_scope(scope, &snapshot)?;
        let definitions: Vec<_> = match path {
            Some(path) => vec![known(path)?],
            None => crate::settings::DEFINITIONS.iter().collect(),
        };
        let rows = definitions.into_iter().map(|definition| setting_row(definition, scope, &snapshot));
        Ok(Answer::Rows(rows.collect()))
    }

    pub(super) async fn set_setting(&self, path: String, scope: &str, value: Option<String>) -> Outcome {
        let definition = known(&path)?;
        let scope = parse_scope(scope, &self.keeper.snapshot())?;
        self.keeper.change(definition.path, scope, value, self.origin).await.map_err(text)?;
        let snapshot = self.keeper.snapshot();
        let now = snapshot.settings.inherited(definition.path, scope, &snapshot.stores);
        let advice = self.keeper.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
        done(format!("{} is now {now:?}{advice}", definition.path))
    }

    /// What a change would do: the values that count before and after, and how many live sessions would end.
    pub(super) async fn try_setting(&self, path: &str, scope: &str, value: Option<String>) -> Outcome {
        let path = known(path)?.path;
        let before = self.keeper.snapshot();
        let scope = parse_scope(scope, &before)?;
        self.keeper.would_change(path, scope, value.as_deref()).map_err(text)?;
        let after = before.with(path, scope, value);
        let sessions = self.registry.count_ending_between(&before, &after).await.map_err(text)?;
        let counts = |snapshot: &Snapshot| json!(snapshot.settings.inherited(path, scope, &snapshot.stores));
        let told = [
            ("path", json!(path)),
            ("from", counts(&before)),
            ("to", counts(&after)),
            ("sessions_ended", json!(sessions)),
        ];
        Ok(Answer::Rows(vec![row(told)]))
    }
}

fn setting_row(definition: &Definition, scope: Scope, snapshot: &Snapshot) -> Map<String, Value> {
    row([
        ("path", json!(definition.path)),
        ("value", json!(snapshot.settings.inherited(definition.path, scope, &snapshot.stores))),
        ("default", json!(definition.default)),
        ("set_here", json!(snapshot.settings.changed(definition.path, scope).is_some())),
        ("label", json!(definition.label)),
    ])
}

fn known(path: &str) -> Result<&'static Definition, String> {
    Definition::of(path).ok_or_else(|| {
        let nearest = Definition::nearest(path).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("{path} is not a setting{nearest} (`setting list` shows all)")
    })
}

fn parse_scope(text: &str, snapshot: &Snapshot) -> Result<Scope, String> {
    let stores = &snapshot.stores;
    stores.scope(text).ok_or_else(|| {
        let websites = stores.websites().iter().map(|website| format!("website:{}", website.code));
        let views = stores.stores().iter().map(|store| format!("store:{}", store.code));
        let known: Vec<_> = websites.chain(views).collect();
        format!("there is no scope {text:?}; there are default, {}", known.join(", "))
    })
}
