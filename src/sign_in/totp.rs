//! Codes of authenticator apps (RFC 6238), by the rules of fact sheet 9.3: HMAC-SHA1, six digits, periods of 30 seconds.
//! Pure.

use std::fmt;

use rand::RngExt;
use thiserror::Error;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::clock::UnixSeconds;
use crate::secret::Secret;

/// How long an app shows a code, in seconds.
const PERIOD: u32 = 30;

/// The greatest leeway, in seconds.
const MOST_LEEWAY: u32 = PERIOD - 1;

/// How many bytes a new secret has: as many as RFC 4226 recommends. Magento takes more, which no camera likes.
const NEW_SECRET: usize = 20;

/// What an authenticator app and the server both know. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct TotpSecret(totp_rs::Secret);

/// Why a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a secret is base32 text: the letters A to Z and the digits 2 to 7")]
pub struct InvalidSecret;

/// What a code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the code of this period, counted from the Unix epoch.
    Good(u32),
    /// It would be, but it or a later one was used.
    Used,
    /// It is none.
    Wrong,
}

impl TotpSecret {
    /// Makes a new one.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; NEW_SECRET]);
        rand::rng().fill(&mut bytes[..]);
        Self(totp_rs::Secret::from(*bytes))
    }

    /// Reads one of any length. Upper and lower case are the same; the spaces and hyphens that people are shown between
    /// groups, and padding, do not count.
    ///
    /// # Errors
    /// [`InvalidSecret`].
    pub fn from_base32(text: &str) -> Result<Self, InvalidSecret> {
        let mut plain = Zeroizing::new(String::with_capacity(text.len()));
        plain.extend(text.chars().filter(|character| !matches!(character, ' ' | '-')));
        plain.make_ascii_uppercase();
        let secret = totp_rs::Secret::try_from_base32(plain.trim_end_matches('=')).map_err(|_| InvalidSecret)?;
        if secret.is_empty() { Err(InvalidSecret) } else { Ok(Self(secret)) }
    }

    /// How many bytes it has.
    pub fn length(&self) -> usize {
        self.0.as_ref().len()
    }

    /// The secret as text.
    pub fn to_base32(&self) -> Secret {
        Secret::new(self.0.to_base32())
    }

    /// The address that an app reads the secret from: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
    /// A colon cannot be part of either name.
    pub fn uri(&self, issuer: &str, account: &str) -> Secret {
        let name = |text: &str| text.replace(':', " ");
        let totp = self.totp(&name(account), Some(name(issuer)));
        Secret::new(totp.to_url().unwrap_or_default())
    }

    /// What `code` is worth at `now`: good is the code of now, of `leeway` seconds ago and of `leeway` seconds ahead,
    /// but only of periods after the last one `used`. All three are compared, each in constant time.
    pub(super) fn verify(&self, code: &str, now: UnixSeconds, leeway: u32, used: Option<u32>) -> Verdict {
        let (totp, leeway) = (self.totp("", None), leeway.min(MOST_LEEWAY));
        let moments = [now.get().saturating_sub(leeway), now.get(), now.plus(leeway).get()];
        let matching = moments.map(|moment| totp.check(code, moment.into()).map(|_| moment / PERIOD));
        // A clock that was ahead must not lock out who signed in meanwhile: no code of that time is good now.
        let used = used.filter(|used| *used <= now.plus(MOST_LEEWAY).get() / PERIOD);
        let unused = |period: &u32| used.is_none_or(|used| *period > used);
        match matching.into_iter().flatten().find(unused) {
            Some(period) => Verdict::Good(period),
            None if matching.iter().any(Option::is_some) => Verdict::Used,
            None => Verdict::Wrong,
        }
    }

    /// The code at a moment, for tests that stand for an app.
    #[cfg(test)]
    pub(crate) fn code_at(&self, moment: UnixSeconds) -> String {
        self.totp("", None).generate(moment.get().into()).to_string()
    }

    fn totp(&self, account: &str, issuer: Option<String>) -> Totp {
        let builder = Builder::new().with_secret(self.0.clone()).with_skew(0).with_step_duration(PERIOD.into());
        builder.with_account_name(account).with_issuer(issuer).build_noncompliant()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `12345678901234567890`, the secret of RFC 6238, appendix B.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn secret() -> TotpSecret {
        TotpSecret::from_base32(RFC).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // The last six of the RFC's eight digits; its later moments do not fit into thirty-two bits.
        for (moment, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(secret().code_at(UnixSeconds(moment)), code);
            assert_eq!(secret().verify(code, UnixSeconds(moment), 0, None), Verdict::Good(moment / 30));
        }
    }

    #[test]
    fn the_leeway_reaches_so_many_seconds_to_either_side() {
        // Periods begin at multiples of thirty.
        let begin = 1_700_000_010;
        let code = secret().code_at(UnixSeconds(begin));
        let good =
            |moment, leeway| secret().verify(&code, UnixSeconds(moment), leeway, None) == Verdict::Good(begin / 30);
        for (leeway, first, last) in
            [(29, begin - 29, begin + 58), (10, begin - 10, begin + 39), (0, begin, begin + 29)]
        {
            assert!(!good(first - 1, leeway) && good(first, leeway), "{leeway}");
            assert!(good(last, leeway) && !good(last + 1, leeway), "{leeway}");
        }
        assert!(!good(begin - 30, 300) && good(begin - 29, 300), "more than 29 is 29");
    }

    #[test]
    fn with_a_small_leeway_only_three_moments_count_and_not_what_lies_between() {
        let now = UnixSeconds(1_700_000_010);
        for (moment, expected) in [(now.0 - 31, false), (now.0 - 1, true), (now.0 + 29, true), (now.0 + 30, false)] {
            let code = secret().code_at(UnixSeconds(moment));
            let seen = matches!(secret().verify(&code, now, 5, None), Verdict::Good(_));
            assert_eq!(seen, expected, "{moment}");
        }
    }

    #[test]
    fn neither_a_used_code_nor_an_older_one_is_good_again() {
        let now = UnixSeconds(1_700_000_015);
        let period = now.get() / 30;
        let code = |period: u32| secret().code_at(UnixSeconds(period * 30));
        let verify = |code: &str, used| secret().verify(code, now, 29, Some(used));
        assert_eq!(verify(&code(period), period), Verdict::Used);
        assert_eq!(verify(&code(period - 1), period), Verdict::Used);
        assert_eq!(verify(&code(period + 1), period), Verdict::Good(period + 1));
        assert_eq!(verify(&code(period), period - 1), Verdict::Good(period));
        assert_eq!(verify("000000", period), Verdict::Wrong);
        assert_eq!(verify(&code(period), period + 9), Verdict::Good(period), "the clock was ahead");
    }

    #[test]
    fn what_has_not_six_digits_is_no_code() {
        let now = UnixSeconds(1_111_111_109);
        for text in ["", "81804", " 081804", "081804 ", "081 804", "0081804", "+81804", "٠٨١٨٠٤", "081804\0"] {
            assert_eq!(secret().verify(text, now, 29, None), Verdict::Wrong, "{text:?}");
        }
    }

    #[test]
    fn a_secret_of_any_length_is_read_as_people_type_it() {
        for text in ["gezd gnbv-gy3t qojq GEZDGNBVGY3TQOJQ", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ======"] {
            assert_eq!(TotpSecret::from_base32(text).unwrap().to_base32().expose(), RFC);
        }
        for bytes in [1, 7, 20, 132, 1000] {
            let text = totp_rs::Secret::from(vec![7_u8; bytes]).to_base32();
            assert_eq!(TotpSecret::from_base32(&text).unwrap().to_base32().expose(), text);
        }
        for wrong in ["", " ", "=", "A", "GEZD0NBV", "GEZD1NBV", "GE=ZDG", "ÄÄÄÄ", "gezdgnbv\n"] {
            assert_eq!(TotpSecret::from_base32(wrong).err(), Some(InvalidSecret), "{wrong:?}");
        }
    }

    #[test]
    fn a_new_secret_has_160_bits_and_is_another_one_each_time() {
        let (one, other) = (TotpSecret::generate().to_base32(), TotpSecret::generate().to_base32());
        assert_eq!(one.expose().len(), 32);
        assert_ne!(one.expose(), other.expose());
    }

    #[test]
    fn an_app_is_told_secret_account_and_issuer() {
        let uri = secret().uri("shop.example.com", "jane+a@example.com");
        assert_eq!(
            uri.expose(),
            format!("otpauth://totp/shop.example.com:jane%2Ba%40example.com?secret={RFC}&issuer=shop.example.com")
        );
        assert!(secret().uri("a:b", "c:d").expose().starts_with("otpauth://totp/a%20b:c%20d?"));
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", secret()), "TotpSecret(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".*", code in ".*", now in any::<u32>(), leeway in any::<u32>()) {
            let _answered = TotpSecret::from_base32(&text);
            let _answered = secret().verify(&code, UnixSeconds(now), leeway, Some(now));
        }
    }
}
