//! What administrators may do (fact sheet 8.4).

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

/// The resource that stands for all resources.
const EVERYTHING: &str = "Magento_Backend::all";

/// The number of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoleId(pub u32);

/// A role: a name and the resources it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its number.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// The ids of the resources that it allows; a resource that is not listed is refused.
    pub allowed: HashSet<String>,
}

impl Role {
    /// Whether it allows `resource`.
    pub fn allows(&self, resource: &str) -> bool {
        self.allows_everything() || self.allowed.contains(resource)
    }

    /// Whether it allows every resource, those of the future included.
    pub fn allows_everything(&self) -> bool {
        self.allowed.contains(EVERYTHING)
    }
}

/// All roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(BTreeMap<RoleId, Role>);

impl Roles {
    /// Whether the role exists and allows `resource`.
    pub fn allows(&self, role: RoleId, resource: &str) -> bool {
        self.0.get(&role).is_some_and(|role| role.allows(resource))
    }

    /// All of them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.0.values()
    }

    /// The role with this number.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.0.get(&id)
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().map(|role| (role.id, role)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_allows_all_resources_and_a_missing_row_refuses() {
        let role =
            |id, allowed: &str| Role { id: RoleId(id), name: String::new(), allowed: [allowed.to_owned()].into() };
        let roles: Roles = [role(1, EVERYTHING), role(2, "Magento_Backend::store")].into_iter().collect();
        assert!(roles.allows(RoleId(1), "Magento_User::acl_users"));
        assert!(roles.allows(RoleId(2), "Magento_Backend::store"));
        assert!(!roles.allows(RoleId(2), "Magento_User::acl_users"));
        assert!(!roles.allows(RoleId(3), "Magento_Backend::store"));
    }
}
