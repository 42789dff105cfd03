//! The live settings, by Magento's path (fact sheet 4.6, 5, 9.7, 11).

use std::sync::Arc;

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::Services;
use crate::http::admin::AdminServices;
use crate::http::admin::caller::Administrator;
use crate::http::admin::error::{AdminError, Problem, Problems};
use crate::settings::{DEFINITIONS, Definition, Kind, Scope, SettingError, Snapshot, check};

/// A setting: what it means, and what it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Setting {
    /// Magento's path
    path: &'static str,
    /// Its label in Magento's administration
    label: &'static str,
    /// The comment that Magento shows below it; may be empty
    comment: &'static str,
    /// What a number counts, such as `hours`; may be empty
    unit: &'static str,
    /// The value that counts when none is set
    default: &'static str,
    /// Whether an empty value is refused
    required: bool,
    rule: Rule,
    /// Its value at every scope at which it may be set
    values: Vec<ScopedValue>,
}

/// What a value has to look like.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rule {
    #[serde(rename = "type")]
    kind: ValueType,
    /// The values to choose from, for a choice
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    choices: Option<Vec<&'static str>>,
    /// The least number, for an integer
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    minimum: Option<u32>,
    /// The greatest number, for an integer that has one
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    maximum: Option<u32>,
}

/// A type of value. Values are sent as text, whatever their type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ValueType {
    /// Zero or a greater number, fractions allowed
    Number,
    /// A whole number
    Integer,
    /// One of some values
    Choice,
    /// Any text
    Text,
}

/// The value of a setting at one scope.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScopedValue {
    /// `default`, `websites/<code>` or `stores/<code>`
    scope: String,
    /// The value that counts there
    value: String,
    /// Whether it is inherited rather than set there
    inherited: bool,
}

/// All settings, in the order of their paths.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingList {
    settings: Vec<Setting>,
}

/// A new value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingChange {
    /// The value, as text
    value: String,
    /// `default`, `websites/<code>` or `stores/<code>`
    #[serde(default = "default_scope")]
    #[schema(default = "default")]
    scope: String,
}

/// What a change did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingChanged {
    /// Magento's path
    path: &'static str,
    /// The scope of the change
    scope: String,
    /// The value that counts there now, or would
    value: String,
    /// Whether it is inherited rather than set there
    inherited: bool,
    /// How many live sessions the change of a lifetime ends
    sessions_ended: usize,
    /// Whether it was only tried
    dry_run: bool,
    /// What else has to be done for the change to count everywhere
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    advice: Option<&'static str>,
}

/// How to change a setting.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangeMode {
    /// Change nothing, only say what would happen
    #[serde(default)]
    dry_run: bool,
}

/// How to reset a setting.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ResetMode {
    /// The scope whose value is taken back: `default`, `websites/<code>` or `stores/<code>`
    #[serde(default = "default_scope")]
    #[param(default = "default")]
    scope: String,
    /// Change nothing, only say what would happen
    #[serde(default)]
    dry_run: bool,
}

/// List all settings
#[utoipa::path(
    get,
    path = "/settings",
    tag = "settings",
    responses((status = 200, description = "All settings", body = SettingList), Problems)
)]
pub(super) async fn list_settings(services: Data<Services>) -> Json<SettingList> {
    let snapshot = services.snapshot.load();
    Json(SettingList { settings: DEFINITIONS.iter().map(|definition| Setting::of(definition, &snapshot)).collect() })
}

/// Show a setting
#[utoipa::path(
    get,
    path = "/settings/{path}",
    tag = "settings",
    params(("path" = String, Path, description = "Magento's path; its slashes may be sent as they are or encoded")),
    responses(
        (status = 200, description = "The setting", body = Setting),
        (status = 404, description = "No setting has this path", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub(super) async fn show_setting(services: Data<Services>, path: Path<String>) -> Result<Json<Setting>, AdminError> {
    Ok(Json(Setting::of(known(&path)?, &services.snapshot.load())))
}

/// Change a setting
///
/// It is stored and in effect when this is answered.
#[utoipa::path(
    put,
    path = "/settings/{path}",
    tag = "settings",
    params(("path" = String, Path, description = "Magento's path"), ChangeMode),
    request_body = SettingChange,
    responses(
        (status = 200, description = "What the change did, or would do", body = SettingChanged),
        (status = 404, description = "No setting has this path", body = Problem,
         content_type = "application/problem+json"),
        (status = 408, description = "The body took too long", body = Problem,
         content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem,
         content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "The value or the scope breaks a rule, in Magento's words", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub(super) async fn change_setting(
    administrator: Administrator,
    services: Data<Services>,
    admin: Data<AdminServices>,
    path: Path<String>,
    mode: Query<ChangeMode>,
    change: Json<SettingChange>,
) -> Result<Json<SettingChanged>, AdminError> {
    let SettingChange { value, scope } = change.into_inner();
    let change = Change::new(&path, &scope, Some(value), services.snapshot.load_full())?;
    change.carry_out(mode.dry_run, &administrator, &services, &admin).await.map(Json)
}

/// Reset a setting
///
/// Goes back to the inherited value.
#[utoipa::path(
    delete,
    path = "/settings/{path}",
    tag = "settings",
    params(("path" = String, Path, description = "Magento's path"), ResetMode),
    responses(
        (status = 200, description = "What the change did, or would do", body = SettingChanged),
        (status = 404, description = "No setting has this path", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "There is no such scope, or the setting cannot be set there", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub(super) async fn reset_setting(
    administrator: Administrator,
    services: Data<Services>,
    admin: Data<AdminServices>,
    path: Path<String>,
    mode: Query<ResetMode>,
) -> Result<Json<SettingChanged>, AdminError> {
    let change = Change::new(&path, &mode.scope, None, services.snapshot.load_full())?;
    change.carry_out(mode.dry_run, &administrator, &services, &admin).await.map(Json)
}

/// A change that breaks no rule.
struct Change {
    definition: &'static Definition,
    scope: Scope,
    value: Option<String>,
    before: Arc<Snapshot>,
}

impl Change {
    fn new(path: &str, scope: &str, value: Option<String>, before: Arc<Snapshot>) -> Result<Self, AdminError> {
        known(path)?;
        let scope = before.stores.scope(scope).ok_or(SettingError::NoSuchScope)?;
        let definition = check(path, scope, value.as_deref(), &before.stores)?;
        // Nothing can be set there, so there is nothing to take back either.
        if !definition.reaches(scope) {
            return Err(SettingError::OutOfReach(definition.path).into());
        }
        Ok(Self { definition, scope, value, before })
    }

    async fn carry_out(
        self,
        dry_run: bool,
        administrator: &Administrator,
        services: &Services,
        admin: &AdminServices,
    ) -> Result<SettingChanged, AdminError> {
        let (path, scope) = (self.definition.path, self.scope);
        let after = self.before.with(path, scope, self.value.clone());
        let sessions_ended = services.registry.count_ending_between(&self.before, &after).await?;
        if dry_run {
            // Where it may not be changed, trying must say so as well.
            admin.keeper.would_change(path, scope, self.value.as_deref())?;
            return Ok(self.outcome(&after, sessions_ended, true, admin));
        }
        admin.keeper.change(path, scope, self.value.clone(), administrator.origin()).await?;
        if sessions_ended > 0 {
            let by = administrator.session.subject.id;
            tracing::info!(administrator = by, path, sessions_ended, "the change of a setting has ended sessions");
        }
        Ok(self.outcome(&services.snapshot.load(), sessions_ended, false, admin))
    }

    fn outcome(
        &self,
        snapshot: &Snapshot,
        sessions_ended: usize,
        dry_run: bool,
        admin: &AdminServices,
    ) -> SettingChanged {
        let path = self.definition.path;
        SettingChanged {
            path,
            scope: snapshot.stores.scope_name(self.scope).unwrap_or_default(),
            value: snapshot.settings.inherited(path, self.scope, &snapshot.stores).to_owned(),
            inherited: snapshot.settings.changed(path, self.scope).is_none(),
            sessions_ended,
            dry_run,
            advice: admin.keeper.advice(),
        }
    }
}

fn known(path: &str) -> Result<&'static Definition, AdminError> {
    let unknown = || SettingError::Unknown { path: path.to_owned(), nearest: Definition::nearest(path) };
    Ok(Definition::of(path).ok_or_else(unknown)?)
}

fn default_scope() -> String {
    "default".to_owned()
}

impl Setting {
    fn of(definition: &'static Definition, snapshot: &Snapshot) -> Self {
        Self {
            path: definition.path,
            label: definition.label,
            comment: definition.comment,
            unit: definition.unit,
            default: definition.default,
            required: definition.required,
            rule: Rule::of(definition.kind),
            values: scopes(definition, snapshot).map(|scope| ScopedValue::of(definition, scope, snapshot)).collect(),
        }
    }
}

/// Where a setting may be set: everywhere first, then websites, then store views.
fn scopes(definition: &Definition, snapshot: &Snapshot) -> impl Iterator<Item = Scope> {
    let websites = snapshot.stores.websites().iter().map(|website| Scope::Website(website.id));
    let stores = snapshot.stores.stores().iter().map(|store| Scope::Store(store.id));
    std::iter::once(Scope::Default).chain(websites).chain(stores).filter(|&scope| definition.reaches(scope))
}

impl ScopedValue {
    fn of(definition: &Definition, scope: Scope, snapshot: &Snapshot) -> Self {
        Self {
            scope: snapshot.stores.scope_name(scope).unwrap_or_default(),
            value: snapshot.settings.inherited(definition.path, scope, &snapshot.stores).to_owned(),
            inherited: snapshot.settings.changed(definition.path, scope).is_none(),
        }
    }
}

impl Rule {
    fn of(kind: Kind) -> Self {
        let rule = |kind| Self { kind, choices: None, minimum: None, maximum: None };
        match kind {
            Kind::Number => rule(ValueType::Number),
            Kind::Digits => Self { minimum: Some(0), ..rule(ValueType::Integer) },
            Kind::Within(least, most) => Self { minimum: Some(least), maximum: Some(most), ..rule(ValueType::Integer) },
            Kind::YesNo => Self { choices: Some(vec!["0", "1"]), ..rule(ValueType::Choice) },
            Kind::Choice(choices) => Self { choices: Some(choices.to_vec()), ..rule(ValueType::Choice) },
            Kind::Text => rule(ValueType::Text),
        }
    }
}
