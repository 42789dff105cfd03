//! `[graphql]`: what GraphQL shows of itself.

use crate::config::reader::Reader;
use crate::config::value::boolean;

/// What GraphQL shows of itself.
#[derive(Clone, Debug)]
pub struct Graphql {
    /// Whether the schema can be asked for (fact sheet 1.6: `graphql/disable_introspection` of Magento's `env.php`).
    pub introspection: bool,
    /// Magento's developer mode: all errors are told, and Magento's limits are off.
    pub developer_mode: bool,
}

impl Default for Graphql {
    fn default() -> Self {
        Self { introspection: true, developer_mode: false }
    }
}

impl Graphql {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            introspection: reader.read("graphql.introspection", boolean).unwrap_or(default.introspection),
            developer_mode: reader.read("graphql.developer_mode", boolean).unwrap_or(default.developer_mode),
        }
    }
}
