//! Websites and store views (fact sheet 8.5).

use serde::{Deserialize, Serialize};

use crate::settings::Scope;

/// The number of a website.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WebsiteId(pub u16);

impl WebsiteId {
    /// The scope of administrators, which is no website of customers.
    pub const ADMIN: Self = Self(0);
}

/// The number of a store view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StoreId(pub u16);

/// A website: the scope within which an e-mail address is unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Website {
    /// Its number.
    pub id: WebsiteId,
    /// Its code, such as `base`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Whether it is the one that counts when nothing else is said. Exactly one is.
    pub is_default: bool,
    /// The group (store) whose default view is the website's.
    pub default_group_id: u16,
    /// Its default store view.
    pub default_store: StoreId,
}

/// A store view: what the `Store` header and the path of a REST call name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreView {
    /// Its number.
    pub id: StoreId,
    /// Its code, such as `default`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The website it belongs to.
    pub website: WebsiteId,
    /// The group (store) it belongs to.
    pub group_id: u16,
    /// The code of that group.
    pub group_code: String,
    /// Whether customers may see it.
    pub is_active: bool,
}

/// All websites and store views. There is always a default website with a default store view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreDirectory {
    websites: Vec<Website>,
    stores: Vec<StoreView>,
    default_store: usize,
}

impl StoreDirectory {
    /// A directory of these; `None` when no website is the default one or its default store view is missing.
    pub fn new(websites: Vec<Website>, stores: Vec<StoreView>) -> Option<Self> {
        let website = websites.iter().find(|website| website.is_default)?;
        let default_store = stores.iter().position(|store| store.id == website.default_store)?;
        Some(Self { websites, stores, default_store })
    }

    /// What a fresh installation has: website `base` with store view `default`.
    pub fn fresh() -> Self {
        let website = Website {
            id: WebsiteId(1),
            code: "base".to_owned(),
            name: "Main Website".to_owned(),
            is_default: true,
            default_group_id: 1,
            default_store: StoreId(1),
        };
        let store = StoreView {
            id: StoreId(1),
            code: "default".to_owned(),
            name: "Default Store View".to_owned(),
            website: WebsiteId(1),
            group_id: 1,
            group_code: "main_website_store".to_owned(),
            is_active: true,
        };
        Self { websites: vec![website], stores: vec![store], default_store: 0 }
    }

    /// All websites, in the order of their numbers.
    pub fn websites(&self) -> &[Website] {
        &self.websites
    }

    /// All store views, in the order of their numbers.
    pub fn stores(&self) -> &[StoreView] {
        &self.stores
    }

    /// The store view that counts when none is named; not necessarily the one with the code `default`.
    pub fn default_store(&self) -> &StoreView {
        &self.stores[self.default_store]
    }

    /// The store view with this code, active or not. The comparison is exact.
    pub fn store(&self, code: &str) -> Option<&StoreView> {
        self.stores.iter().find(|store| store.code == code)
    }

    /// The website with this number.
    pub fn website(&self, id: WebsiteId) -> Option<&Website> {
        self.websites.iter().find(|website| website.id == id)
    }

    /// The website with this code. The comparison is exact.
    pub fn website_by_code(&self, code: &str) -> Option<&Website> {
        self.websites.iter().find(|website| website.code == code)
    }

    /// Whether the website or store view of this scope exists.
    pub fn has(&self, scope: Scope) -> bool {
        self.scope_name(scope).is_some()
    }

    /// The scope with this name: `default`, `websites/<code>` or `stores/<code>`, as Magento's table calls them, or
    /// `website:<code>` or `store:<code>`, as one types it.
    pub fn scope(&self, name: &str) -> Option<Scope> {
        match name.split_once(['/', ':']) {
            None => (name == "default").then_some(Scope::Default),
            Some(("websites" | "website", code)) => {
                self.website_by_code(code).map(|website| Scope::Website(website.id))
            }
            Some(("stores" | "store", code)) => self.store(code).map(|store| Scope::Store(store.id)),
            Some(_) => None,
        }
    }

    /// The name of a scope, as Magento's table calls it.
    pub fn scope_name(&self, scope: Scope) -> Option<String> {
        match scope {
            Scope::Default => Some("default".to_owned()),
            Scope::Website(id) => self.website(id).map(|website| format!("websites/{}", website.code)),
            Scope::Store(id) => {
                let store = self.stores.iter().find(|store| store.id == id)?;
                Some(format!("stores/{}", store.code))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_directory_is_complete() {
        let fresh = StoreDirectory::fresh();
        let built = StoreDirectory::new(fresh.websites.clone(), fresh.stores.clone());
        assert_eq!(built, Some(fresh.clone()));
        assert_eq!(fresh.default_store().code, "default");
        assert_eq!(fresh.website_by_code("base").map(|website| website.id), Some(WebsiteId(1)));
        assert_eq!(fresh.store("Default"), None);
    }

    #[test]
    fn a_directory_without_a_default_store_view_is_refused() {
        let fresh = StoreDirectory::fresh();
        assert_eq!(StoreDirectory::new(fresh.websites, Vec::new()), None);
    }
}
