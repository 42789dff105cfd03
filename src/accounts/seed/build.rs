//! A seed as changes.

use std::collections::HashSet;

use crate::accounts::embedded::{NewAdministrator, NewCustomer, administrator_row, customer_row};
use crate::accounts::seed::{
    Seed, SeedError, SeededAdministrator, SeededCustomer, SeededRole, SeededStore, SeededWebsite,
};
use crate::accounts::{AccountError, folded};
use crate::clock::UnixSeconds;
use crate::settings::{Role, RoleId, Roles, StoreDirectory, StoreId, StoreView, Website, WebsiteId, check};
use crate::store::{Change, CustomerRow, RoleRow, SettingRow};

/// Collects the changes, in an order in which each finds what it refers to.
pub(super) struct Builder {
    directory: StoreDirectory,
    roles: Roles,
    now: UnixSeconds,
    changes: Vec<Change>,
    customers: Vec<CustomerRow>,
    /// The accounts so far, to name the one that is there twice.
    names: HashSet<(WebsiteId, String)>,
}

impl Builder {
    /// Begins with websites and store views; `present` are those that a fresh folder has.
    pub(super) fn new(
        seed: &Seed,
        present: StoreDirectory,
        roles: &Roles,
        now: UnixSeconds,
    ) -> Result<Self, SeedError> {
        let planned =
            (!seed.websites.is_empty() || !seed.stores.is_empty()).then(|| directory(seed, &present)).transpose()?;
        Ok(Self {
            changes: planned.iter().cloned().map(Change::Directory).collect(),
            directory: planned.unwrap_or(present),
            roles: roles.iter().cloned().collect(),
            now,
            customers: Vec::new(),
            names: HashSet::new(),
        })
    }

    /// Settings of the default scope.
    pub(super) fn settings(&mut self, by_path: impl IntoIterator<Item = (String, String)>) -> Result<(), SeedError> {
        by_path.into_iter().try_for_each(|(path, value)| self.setting(&path, "default", value))
    }

    pub(super) fn roles_and_settings(&mut self, seed: &Seed) -> Result<(), SeedError> {
        for role in &seed.roles {
            self.role(role)?;
        }
        for setting in &seed.settings {
            self.setting(&setting.path, &setting.scope, setting.value.clone())?;
        }
        Ok(())
    }

    fn setting(&mut self, path: &str, scope: &str, value: String) -> Result<(), SeedError> {
        let scope = self.directory.scope(scope).ok_or_else(|| {
            wrong(format!("setting {path}: there is no scope {scope}; say default, websites/<code> or stores/<code>"))
        })?;
        check(path, scope, Some(&value), &self.directory).map_err(|error| wrong(format!("setting {error}")))?;
        self.changes.push(Change::Setting(SettingRow { path: path.to_owned(), scope, value: Some(value) }));
        Ok(())
    }

    fn role(&mut self, role: &SeededRole) -> Result<(), SeedError> {
        if self.roles.iter().any(|other| other.name == role.name) {
            return Err(wrong(format!("role {:?} is there twice", role.name)));
        }
        let mut named = HashSet::new();
        if let Some(twice) = role.allow.iter().chain(&role.deny).find(|resource| !named.insert(*resource)) {
            return Err(wrong(format!("role {:?} names {twice} twice", role.name)));
        }
        let id = RoleId(self.roles.iter().map(|role| role.id.0).max().unwrap_or(0) + 1);
        let rules = |resources: &[String], allowed| resources.iter().map(move |one| (one.clone(), allowed)).collect();
        let allowed: Vec<_> = rules(&role.allow, true);
        let refused: Vec<_> = rules(&role.deny, false);
        self.changes.push(Change::CreateRole(RoleRow {
            id,
            name: role.name.clone(),
            rules: [allowed, refused].concat(),
        }));
        let added = Role { id, name: role.name.clone(), allowed: role.allow.iter().cloned().collect() };
        self.roles = self.roles.iter().cloned().chain([added]).collect();
        Ok(())
    }

    pub(super) fn customer(&mut self, seeded: SeededCustomer, hash: Option<String>) -> Result<(), SeedError> {
        let new = NewCustomer {
            email: seeded.email.clone(),
            firstname: seeded.firstname,
            lastname: seeded.lastname,
            website: seeded.website,
            password_hash: hash,
            confirmed: seeded.confirmed,
            active: seeded.active,
        };
        let row =
            customer_row(new, &self.directory, self.now).map_err(|error| in_words("customer", &seeded.email, error))?;
        let row = CustomerRow {
            middlename: seeded.middlename,
            prefix: seeded.prefix,
            suffix: seeded.suffix,
            date_of_birth: seeded.date_of_birth,
            gender: seeded.gender,
            taxvat: seeded.taxvat,
            group_id: seeded.group_id.unwrap_or(row.group_id),
            ..row
        };
        if !self.names.insert((row.website, row.email_key.clone())) {
            return Err(wrong(format!("customer {} is there twice", seeded.email)));
        }
        self.customers.push(row);
        Ok(())
    }

    pub(super) fn administrator(&mut self, seeded: SeededAdministrator, hash: Option<String>) -> Result<(), SeedError> {
        let name = seeded.username.clone();
        let hash =
            hash.ok_or_else(|| wrong(format!("administrator {name}: a password or a password_hash is missing")))?;
        let new = NewAdministrator {
            username: seeded.username,
            email: seeded.email,
            firstname: seeded.firstname,
            lastname: seeded.lastname,
            role: seeded.role,
            password_hash: hash,
        };
        let mut row =
            administrator_row(new, &self.roles, self.now).map_err(|error| in_words("administrator", &name, error))?;
        row.is_active = seeded.active;
        // Administrators live in website 0, which no customer does, so one set serves both.
        if !self.names.insert((WebsiteId::ADMIN, folded(&name))) {
            return Err(wrong(format!("administrator {name} is there twice")));
        }
        self.changes.push(Change::CreateAdministrator(row));
        Ok(())
    }

    pub(super) fn finish(mut self) -> Vec<Change> {
        self.changes.push(Change::CreateCustomers(self.customers));
        self.changes
    }
}

fn wrong(problem: String) -> SeedError {
    SeedError::Wrong(problem)
}

fn in_words(what: &str, name: &str, error: AccountError) -> SeedError {
    match error {
        AccountError::Conflict(problem) => wrong(format!("{what} {name}: {problem}")),
        AccountError::Unavailable(_) | AccountError::Faulty(_) => SeedError::Accounts(error),
    }
}

/// The websites and store views of the seed; where it has none of a sort, those of `present` stay.
fn directory(seed: &Seed, present: &StoreDirectory) -> Result<StoreDirectory, SeedError> {
    let mut websites = websites(&seed.websites, present)?;
    let stores = if seed.stores.is_empty() { present.stores().to_vec() } else { stores(&seed.stores, &websites)? };
    for website in &mut websites {
        let first = stores
            .iter()
            .find(|store| store.website == website.id)
            .ok_or_else(|| wrong(format!("website {} has no store view: add one to [[stores]]", website.code)))?;
        website.default_store = first.id;
        website.default_group_id = first.group_id;
    }
    StoreDirectory::new(websites, stores).ok_or_else(|| wrong("no website is the default one".to_owned()))
}

fn websites(seeded: &[SeededWebsite], present: &StoreDirectory) -> Result<Vec<Website>, SeedError> {
    if seeded.is_empty() {
        return Ok(present.websites().to_vec());
    }
    codes("website", seeded.iter().map(|website| website.code.as_str()))?;
    if seeded.iter().filter(|website| website.default).count() > 1 {
        return Err(wrong("only one website can be the default one".to_owned()));
    }
    let default = seeded.iter().position(|website| website.default).unwrap_or(0);
    Ok((1..)
        .zip(seeded.iter().enumerate())
        .map(|(id, (place, website))| Website {
            id: WebsiteId(id),
            code: website.code.clone(),
            name: website.name.clone().unwrap_or_else(|| website.code.clone()),
            is_default: place == default,
            default_group_id: id,
            default_store: StoreId::default(),
        })
        .collect())
}

/// Store views; all of a website are in one group.
fn stores(seeded: &[SeededStore], websites: &[Website]) -> Result<Vec<StoreView>, SeedError> {
    codes("store view", seeded.iter().map(|store| store.code.as_str()))?;
    (1..)
        .zip(seeded)
        .map(|(id, store)| {
            let website = website_of(store, websites)?;
            Ok(StoreView {
                id: StoreId(id),
                code: store.code.clone(),
                name: store.name.clone().unwrap_or_else(|| store.code.clone()),
                website: website.id,
                group_id: website.id.0,
                group_code: format!("{}_store", website.code),
                is_active: store.active,
            })
        })
        .collect()
}

fn website_of<'a>(store: &SeededStore, websites: &'a [Website]) -> Result<&'a Website, SeedError> {
    match (&store.website, websites) {
        (Some(code), _) => websites
            .iter()
            .find(|website| website.code == *code)
            .ok_or_else(|| wrong(format!("store view {}: there is no website {code}", store.code))),
        (None, [only]) => Ok(only),
        (None, _) => Err(wrong(format!("store view {}: name its website", store.code))),
    }
}

/// Magento's rule for codes, and no code twice. The two that mean something else in an address are refused.
fn codes<'a>(what: &str, codes: impl Iterator<Item = &'a str>) -> Result<(), SeedError> {
    let mut seen = HashSet::new();
    for code in codes {
        let plain = code.starts_with(|c: char| c.is_ascii_alphabetic())
            && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && code.len() <= 32;
        if !plain || matches!(code, "admin" | "all") {
            return Err(wrong(format!(
                "{what} {code:?}: a code has up to 32 letters, digits and underscores, begins with a letter, and is \
                 neither admin nor all"
            )));
        }
        if !seen.insert(code) {
            return Err(wrong(format!("{what} {code} is there twice")));
        }
    }
    if seen.len() > usize::from(u16::MAX) {
        return Err(wrong(format!("there are too many of a {what}")));
    }
    Ok(())
}
