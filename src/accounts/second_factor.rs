//! What an administrator can show besides the password.

use crate::secret::Secret;

/// The providers that an administrator has activated (fact sheet 9.5), of those that tokenward knows.
#[derive(Clone, Debug, Default)]
pub struct SecondFactor {
    /// Google Authenticator, or any other app that makes codes of its kind.
    pub google: Option<Authenticator>,
    /// Whether a U2F key is activated: it is required or not like others, but tokenward asks for none.
    pub u2f_key: bool,
}

/// What it takes to know the codes of an app.
#[derive(Clone, Debug)]
pub struct Authenticator {
    /// The secret, in base32 as it is stored, decrypted; of any length. What cannot be read is as good as no secret.
    pub secret: Secret,
    /// `window` of the user's stored configuration, which takes the place of the leeway, in seconds (fact sheet 9.3).
    pub window: Option<u32>,
}
