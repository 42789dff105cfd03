//! Commands about the second factor of administrators.

use super::accounts::hint_of_disabled;
use super::{Office, Outcome, done, text};
use crate::control::{Answer, ExposedPassword};
use crate::secret::{Password, Secret};
use crate::session::Subject;
use crate::settings::{Scope, Settings};
use crate::sign_in::TotpSecret;

/// What an app shows beside the code, where no address of the shop is known.
const ISSUER: &str = "tokenward";

impl Office {
    pub(super) async fn set_second_factor(&self, username: &str, secret: Option<ExposedPassword>) -> Outcome {
        let secret = match secret {
            Some(given) => long_enough(TotpSecret::from_base32(given.0.expose()).map_err(text)?)?,
            None => TotpSecret::generate(),
        };
        let administrator = self.store_second_factor(username, Some(secret.to_base32())).await?;
        let settings = &self.keeper.snapshot().settings;
        let uri = secret.uri(&issuer(settings), &administrator.username);
        let (id, disabled, needless) = (administrator.id, hint_of_disabled(&administrator), hint_of_settings(settings));
        let short = hint_of_length(&secret);
        Ok(Answer::SecondFactor {
            done: format!(
                "administrator {id} has a new secret for codes; their sessions go on{disabled}{needless}{short}"
            ),
            uri: ExposedPassword(Password::new(uri.expose().to_owned())),
        })
    }

    pub(super) async fn remove_second_factor(&self, username: &str) -> Outcome {
        let administrator = self.store_second_factor(username, None).await?;
        done(format!("administrator {} has no secret for codes any more; their sessions go on", administrator.id))
    }

    /// In the account's turn, so that no sign-in that was decided on with the old secret is yet to begin its session.
    async fn store_second_factor(
        &self,
        username: &str,
        secret: Option<Secret>,
    ) -> Result<crate::accounts::Administrator, String> {
        let administrator = self.accounts.administrator_named(username).await.map_err(text)?;
        let _turn = self.sign_in.turn_of(Subject::admin(administrator.id)).await;
        self.accounts.set_second_factor(username, secret).await.map_err(text)
    }
}

/// The shortest secret that is taken, in bytes: sixteen letters, which is what some apps and services still make.
const SHORTEST_SECRET: usize = 10;

/// The shortest that RFC 4226, section 4, allows, in bytes.
const SHORTEST_OF_THE_RFC: usize = 16;

fn long_enough(secret: TotpSecret) -> Result<TotpSecret, String> {
    if secret.length() < SHORTEST_SECRET {
        return Err(format!(
            "the secret is too short, because it could be guessed: it has to have {} letters and digits at least; \
             without --secret-stdin a good one is made",
            SHORTEST_SECRET * 8 / 5
        ));
    }
    Ok(secret)
}

fn hint_of_length(secret: &TotpSecret) -> &'static str {
    if secret.length() < SHORTEST_OF_THE_RFC {
        "; the secret has less than the 128 bits that RFC 4226 asks for, so take a longer one if you can"
    } else {
        ""
    }
}

/// The host of the shop's base URL (fact sheet 9.2).
fn issuer(settings: &Settings) -> String {
    let host = |path| {
        let (_, rest) = settings.text(path, Scope::Default).split_once("://")?;
        let host = rest.split(['/', ':', '?', '#']).next()?;
        (!host.is_empty()).then(|| host.to_owned())
    };
    host("web/secure/base_url").or_else(|| host("web/unsecure/base_url")).unwrap_or_else(|| ISSUER.to_owned())
}

/// Nobody is asked for a code before this is set.
fn hint_of_settings(settings: &Settings) -> &'static str {
    let providers = settings.text("twofactorauth/general/force_providers", Scope::Default);
    if providers.split(',').any(|code| code.trim() == "google") {
        ""
    } else {
        "; codes are asked for after `setting set twofactorauth/general/force_providers google`"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_shows_the_host_of_the_shop() {
        let issuer_of = |secure: &str, unsecure: &str| {
            let mut settings = Settings::default();
            for (path, value) in [("web/secure/base_url", secure), ("web/unsecure/base_url", unsecure)] {
                settings.set(path, Scope::Default, Some(value.to_owned()));
            }
            issuer(&settings)
        };
        assert_eq!(issuer_of("https://shop.example.com:8443/en/", ""), "shop.example.com");
        assert_eq!(issuer_of("{{unsecure_base_url}}", "http://shop.example.com"), "shop.example.com");
        assert_eq!(issuer_of("", "http://"), "tokenward");
    }
}
