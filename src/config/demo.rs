//! `[demo]`: the passwords of `serve --demo`.

use crate::config::reader::Reader;
use crate::secret::Password;

/// The passwords of `serve --demo`. The demo makes them up, or uses the documented ones on loopback, when unset.
#[derive(Clone, Debug, Default)]
pub struct Demo {
    /// The password of `customer@example.com`.
    pub customer_password: Option<Password>,
    /// The password of `admin`.
    pub admin_password: Option<Password>,
}

impl Demo {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            customer_password: reader.secret("demo.customer_password").map(Password::new),
            admin_password: reader.secret("demo.admin_password").map(Password::new),
        }
    }
}
