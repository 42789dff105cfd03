//! Password hashes as Magento stores them (fact sheet 7.1 to 7.4).

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use rand::RngExt;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::HashError;
use super::memory::Memory;
use crate::magento::InstallationKey;
use crate::secret::Password;

/// The characters of a salt (fact sheet 7.2).
const SALT_ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The length of a new salt, in characters.
const SALT_LENGTH: usize = 32;

/// The length of a new hash, in bytes.
const OUTPUT_LENGTH: usize = 32;

/// What Magento's argon2 (libsodium) refuses to go below: bytes of output, bytes of memory, iterations.
const LEAST: [u64; 3] = [16, 8192, 1];

/// The longest output that is computed, in bytes; the widest column that Magento keeps a hash in has 255 characters.
const MOST_OUTPUT: u64 = 128;

/// The most memory of one step, in KiB: four times what Magento writes.
const MOST_MEMORY_KIB: u64 = 256 * 1024;

/// The most work of all steps together, in KiB filled: sixteen times what Magento writes.
const MOST_WORK_KIB: u64 = 16 * Cost::STANDARD.work_kib();

/// The most steps. Magento's own chains have three at the most.
const MOST_STEPS: usize = 8;

/// What one argon2 costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// Memory, in KiB.
    pub(super) memory_kib: u32,
    /// How often the memory is filled.
    pub(super) iterations: u32,
}

impl Cost {
    /// The cost of new hashes: 64 MiB, filled twice.
    pub(super) const STANDARD: Self = Self { memory_kib: 64 * 1024, iterations: 2 };

    /// How many KiB are filled.
    const fn work_kib(self) -> u64 {
        self.memory_kib as u64 * self.iterations as u64
    }
}

/// A stored password hash, taken apart. Any text can be taken apart; most texts match no password.
#[derive(Clone, Debug)]
pub struct StoredHash<'a> {
    /// What the computation has to end in.
    expected: &'a str,
    recipe: Recipe<'a>,
}

/// How the hash of a password is computed.
#[derive(Clone, Debug)]
enum Recipe<'a> {
    /// One step after the other; each takes the hexadecimal text of the one before for the password.
    Chain { salt: &'a [u8], steps: Vec<Step> },
    /// HMAC-SHA-256 under the installation key: what Magento falls back on.
    Keyed,
    /// It would cost too much.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Md5,
    Sha256,
    Argon2 { cost: Cost, output: usize },
}

/// Why a chain cannot be computed.
enum Unusable {
    /// Magento could not either, and falls back.
    Impossible,
    /// We do not want to.
    TooCostly,
}

impl<'a> StoredHash<'a> {
    /// Takes a stored value apart.
    pub fn parse(text: &'a str) -> Self {
        let mut parts = text.splitn(3, ':');
        let (Some(expected), Some(salt), Some(versions)) = (parts.next(), parts.next(), parts.next()) else {
            return Self { expected: text, recipe: Recipe::Keyed };
        };
        let recipe = match steps(salt, versions) {
            Ok(steps) => Recipe::Chain { salt: salt.as_bytes(), steps },
            Err(Unusable::Impossible) => Recipe::Keyed,
            Err(Unusable::TooCostly) => Recipe::Refused,
        };
        Self { expected, recipe }
    }

    /// Whether this password has this hash.
    ///
    /// `key` is the installation's key: only values that are no password hashes need it, and without it they match
    /// nothing.
    ///
    /// # Errors
    /// [`HashError::OutOfMemory`].
    pub fn matches(
        &self,
        password: &Password,
        key: Option<&InstallationKey>,
        memory: &mut Memory,
    ) -> Result<bool, HashError> {
        let recreated = match (&self.recipe, key) {
            (Recipe::Chain { salt, steps }, _) => recreate(password, salt, steps, memory)?,
            (Recipe::Keyed, Some(key)) => keyed(password, key),
            (Recipe::Keyed, None) | (Recipe::Refused, _) => None,
        };
        Ok(recreated.is_some_and(|text| text.as_bytes().ct_eq(self.expected.as_bytes()).into()))
    }

    /// Whether comparing costs at least about as much as it would with a hash of this cost. When not, the caller spends
    /// the difference, so that nobody learns from the time what is stored.
    pub(super) fn is_as_costly_as(&self, cost: Cost) -> bool {
        let Recipe::Chain { steps, .. } = &self.recipe else {
            return false;
        };
        2 * steps.iter().map(|step| step.work_kib()).sum::<u64>() >= cost.work_kib()
    }
}

/// Whether a stored value is of the version that new ones are: exactly one entry of the form `3_<out>_<ops>_<mem>`,
/// whatever its numbers (fact sheet 7.5).
pub fn is_current(stored: &str) -> bool {
    stored.splitn(3, ':').nth(2).is_some_and(|versions| agnostic(versions).is_some())
}

/// Hashes a password for storing, with a salt of its own.
pub(super) fn new_hash(password: &Password, cost: Cost, memory: &mut Memory) -> Result<String, HashError> {
    let salt = new_salt();
    let step = Step::Argon2 { cost, output: OUTPUT_LENGTH };
    let hash = recreate(password, salt.as_bytes(), &[step], memory)?.ok_or(HashError::OutOfMemory)?;
    let (iterations, bytes) = (cost.iterations, u64::from(cost.memory_kib) * 1024);
    Ok(format!("{}:{salt}:3_{OUTPUT_LENGTH}_{iterations}_{bytes}", hash.as_str()))
}

/// Spends what one hash of this cost takes, for a result that nobody wants.
pub(super) fn spend(password: &Password, cost: Cost, memory: &mut Memory) -> Result<(), HashError> {
    let mut output = Zeroizing::new([0; OUTPUT_LENGTH]);
    memory.argon2(cost, password.expose().as_bytes(), [0; 16], output.as_mut_slice())?;
    std::hint::black_box(output.as_slice());
    Ok(())
}

fn new_salt() -> String {
    let mut generator = rand::rng();
    (0..SALT_LENGTH).map(|_| char::from(SALT_ALPHABET[generator.random_range(0..SALT_ALPHABET.len())])).collect()
}

/// The steps that the versions stand for, oldest first, when they can be computed at a bearable cost.
fn steps(salt: &str, versions: &str) -> Result<Vec<Step>, Unusable> {
    if versions.split(':').nth(MOST_STEPS).is_some() {
        return Err(Unusable::TooCostly);
    }
    let steps = versions.split(':').map(Step::parse).collect::<Result<Vec<_>, _>>()?;
    if salt.is_empty() && steps.iter().any(|step| matches!(step, Step::Argon2 { .. })) {
        return Err(Unusable::Impossible);
    }
    if steps.iter().map(|step| step.work_kib()).sum::<u64>() > MOST_WORK_KIB {
        return Err(Unusable::TooCostly);
    }
    Ok(steps)
}

impl Step {
    fn parse(version: &str) -> Result<Self, Unusable> {
        if let Some([output, iterations, memory]) = agnostic(version) {
            return Self::argon2(output, iterations, memory);
        }
        match php_integer(version) {
            0 => Ok(Self::Md5),
            1 => Ok(Self::Sha256),
            2 => Ok(Self::Argon2 { cost: Cost::STANDARD, output: OUTPUT_LENGTH }),
            _ => Err(Unusable::Impossible),
        }
    }

    /// Parameters from the database: `memory` in bytes.
    fn argon2(output: u64, iterations: u64, memory: u64) -> Result<Self, Unusable> {
        if [output, memory, iterations].iter().zip(LEAST).any(|(&value, least)| value < least) {
            return Err(Unusable::Impossible);
        }
        if output > MOST_OUTPUT || memory / 1024 > MOST_MEMORY_KIB {
            return Err(Unusable::TooCostly);
        }
        let narrow = |value| u32::try_from(value).map_err(|_| Unusable::TooCostly);
        Ok(Self::Argon2 {
            cost: Cost { memory_kib: narrow(memory / 1024)?, iterations: narrow(iterations)? },
            output: usize::try_from(output).map_err(|_| Unusable::TooCostly)?,
        })
    }

    fn work_kib(self) -> u64 {
        match self {
            Self::Argon2 { cost, .. } => cost.work_kib(),
            Self::Md5 | Self::Sha256 => 0,
        }
    }
}

/// The three numbers of `3_<out>_<ops>_<mem>`, if the text has that form. A number that does not fit is as good as the
/// greatest.
fn agnostic(version: &str) -> Option<[u64; 3]> {
    let mut numbers = version.strip_prefix("3_")?.split('_').map(|digits| {
        let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        decimal.then(|| digits.parse().unwrap_or(u64::MAX))
    });
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

/// What PHP's `(int)` makes of a text: white space, a sign, digits; 0 when there are none. The decimals and exponents
/// that it would read as well are left aside.
fn php_integer(text: &str) -> i64 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let number = match unsigned[..digits].parse() {
        Ok(number) => number,
        Err(_) if digits == 0 => 0,
        Err(_) => i64::MAX,
    };
    if text.starts_with('-') { -number } else { number }
}

/// The text that the steps end in; `None` when argon2 refuses one.
fn recreate(
    password: &Password,
    salt: &[u8],
    steps: &[Step],
    memory: &mut Memory,
) -> Result<Option<Zeroizing<String>>, HashError> {
    let mut text = Zeroizing::new(password.expose().to_owned());
    for &step in steps {
        text = match step {
            Step::Md5 => salted::<Md5>(salt, &text),
            Step::Sha256 => salted::<Sha256>(salt, &text),
            Step::Argon2 { cost, output } => {
                let mut bytes = Zeroizing::new(vec![0; output]);
                if memory.argon2(cost, text.as_bytes(), stretched(salt), &mut bytes)?.is_none() {
                    return Ok(None);
                }
                Zeroizing::new(hex::encode(bytes.as_slice()))
            }
        };
    }
    Ok(Some(text))
}

fn salted<D: Digest>(salt: &[u8], text: &str) -> Zeroizing<String> {
    let digest = D::new().chain_update(salt).chain_update(text.as_bytes()).finalize();
    Zeroizing::new(hex::encode(digest))
}

/// The first 16 bytes of the salt, which is repeated when it is shorter (fact sheet 7.2).
fn stretched(salt: &[u8]) -> [u8; 16] {
    let mut bytes = salt.iter().copied().cycle();
    std::array::from_fn(|_| bytes.next().unwrap_or(0))
}

fn keyed(password: &Password, key: &InstallationKey) -> Option<Zeroizing<String>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.bytes()).ok()?;
    mac.update(password.expose().as_bytes());
    Some(Zeroizing::new(hex::encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";

    fn check(stored: &str, password: &str, key: Option<&str>) -> bool {
        let key = key.map(|text| InstallationKey::parse(text).unwrap());
        StoredHash::parse(stored)
            .matches(&Password::new(password.to_owned()), key.as_ref(), &mut Memory::default())
            .unwrap()
    }

    #[test]
    fn only_a_single_entry_of_the_newest_form_is_current() {
        for current in ["h:s:3_32_2_67108864", "h:s:3_16_1_8388608"] {
            assert!(is_current(current), "{current}");
        }
        for old in [
            "",
            "h",
            "h:s",
            "h:s:",
            "h:s:0",
            "h:s:1",
            "h:s:2",
            "h:s:3",
            "h:s:1:2",
            "h:s:2:3_32_2_67108864",
            "h:s:3_32_2",
        ] {
            assert!(!is_current(old), "{old}");
        }
    }

    #[test]
    fn the_published_vectors_match() {
        for stored in [
            "67a1e09bb1f83f5007dc119c14d663aa:salt:0",
            "13601bda4ea78e55a07b98866d2be6be0744e3866f13c00c811cab608a28f322:salt:1",
            "7640855aef9cb6ffd20229601d2904a2192e372b391db8230d7faf073b393e4c:salt:2",
            "c6aad9e058f6c4b06187c06d2b69bf506a786af030f81fb6d83778422a68205e:salt:1:2",
            "3b68ca4706cbae291455e4340478076c1e1618e742b6144cfcc3e50f648903e4:salt:0:1",
            "2d78b5e93b683c4d3b0574c1ced8e40ddec7730c2e1b35f282b2c955b5cb7262:random-saltrando:2",
            "ca7982945fa90444b78d586678ff1c223ce13f99a39ec9541eae8b63ada3816a:random_salt12345:2",
        ] {
            assert!(check(stored, "password", None), "{stored}");
            assert!(!check(stored, "Password", None), "{stored}");
        }
        assert!(!check("hash:salt:1", "password", None));
    }

    #[test]
    fn a_value_without_salt_and_version_needs_the_installation_key() {
        let stored = "1421feadb52d556a2045588672d8880d812ecc81ebb53dd98f6ff43500786b36";
        let key = "g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ";
        assert!(check(stored, "password", Some(key)));
        assert!(!check(stored, "Password", Some(key)));
        assert!(!check(stored, "password", Some("another-key")));
        assert!(!check(stored, "password", None));
    }

    #[test]
    fn a_value_whose_steps_fail_falls_back_on_the_part_before_the_first_colon() {
        let hash = "1421feadb52d556a2045588672d8880d812ecc81ebb53dd98f6ff43500786b36";
        let key = Some("g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ");
        for rest in [
            "salt:3",
            "salt:-1",
            "salt:17",
            ":2",
            ":3_32_2_67108864",
            "salt:3_32_0_67108864",
            "salt:3_15_2_67108864",
            "salt:3_32_2_8191",
            "salt:1:4",
            "salt:3_32_2",
        ] {
            let stored = format!("{hash}:{rest}");
            assert!(check(&stored, "password", key), "{stored}");
            assert!(!check(&stored, "password", None), "{stored}");
        }
        assert!(!check(&format!("{hash}:salt"), "password", key), "two parts are compared whole");
    }

    #[test]
    fn the_derived_vectors_match() {
        for (hash, salt, versions, password) in [
            ("f5582adf5ea1b84a11af3cbc77542c11c9464b0596c539f9fb2a7bd790b85757", SALT, "3_32_2_67108864", "Password1"),
            ("2603444c1e578ea5af42165564dabc4c3824bacc4e1346763b8452dd78075ee8", SALT, "1", "Password1"),
            ("6d0b172e8905789da2ab11d363e75151", SALT, "0", "Password1"),
            ("26b2d91cb18959a9bdff95b1fd09f63418325ade4ea638974f75c484389e6e35", SALT, "0:1", "Password1"),
            ("ef0ba389d3a8f8e847f440e786b3650ed790e204cce6fa47a7220785d19a9c67", SALT, "1:2", "Password1"),
            (
                "ef0ba389d3a8f8e847f440e786b3650ed790e204cce6fa47a7220785d19a9c67",
                SALT,
                "1:3_32_2_67108864",
                "Password1",
            ),
            ("431eb20808efcebcd8f5e6f2a101f93677b8526c11e94478160b0ca32af3a348", SALT, "0:1:2", "Password1"),
            (
                "f407693bafc325acb47b39638e773e1b14d8ebb0c5e9377aa78fe44877efa4a2",
                SALT,
                "2:3_32_2_67108864",
                "Password1",
            ),
            (
                "483cf06677e32d4d0533ff0cd61e23f9918f89c338ad23a173699877c47ee527",
                "short",
                "3_32_2_67108864",
                "Password1",
            ),
            ("5462f6ed74a95588d2965b998b8465ae3a344eb8f96552336f94a7ee2ba433c4", SALT, "3_32_2_67108864", "pässwörd€"),
            ("2a55969022e4b27c0de950d19457f01c", SALT, "3_16_1_8388608", "Password1"),
        ] {
            let stored = format!("{hash}:{salt}:{versions}");
            assert!(check(&stored, password, None), "{stored}");
            assert!(!check(&stored, "Password2", None), "{stored}");
            assert!(!check(&stored.to_uppercase(), password, None), "{stored} in upper case");
        }
    }

    #[test]
    fn nothing_authenticates_against_an_empty_value() {
        for stored in ["", ":", "::", ":salt:1", "::3_32_1_8192"] {
            assert!(!check(stored, "", Some("key")), "{stored:?}");
        }
    }

    #[test]
    fn text_that_is_no_number_is_version_0() {
        for version in ["", "x", " 0", "0.9", "+0", "-0"] {
            assert!(check(&format!("67a1e09bb1f83f5007dc119c14d663aa:salt:{version}"), "password", None));
        }
        assert_eq!(php_integer(" \t12_3"), 12);
        assert_eq!(php_integer("99999999999999999999"), i64::MAX);
        assert_eq!(php_integer("-7"), -7);
    }

    #[test]
    fn parameters_that_would_cost_too_much_match_nothing_at_no_cost() {
        for versions in [
            "3_32_2_1099511627776",
            "3_32_4294967296_8192",
            "3_32_99999999999999999999_8192",
            "3_129_1_8192",
            "3_32_33_67108864",
            &["2"; 9].join(":"),
            &["1"; 9].join(":"),
        ] {
            let stored = format!("hash:salt:{versions}");
            let parsed = StoredHash::parse(&stored);
            let mut memory = Memory::default();
            let password = Password::new("password".to_owned());
            let key = InstallationKey::parse("1").unwrap();
            assert_eq!(parsed.matches(&password, Some(&key), &mut memory), Ok(false));
            assert_eq!(memory.runs(), 0, "{versions}");
        }
    }

    #[test]
    fn only_a_value_with_a_full_argon2_needs_no_other_one() {
        for (versions, costly) in [
            ("3_32_2_67108864", true),
            ("1:2", true),
            ("2:3_32_2_67108864", true),
            ("3_16_1_8388608", false),
            ("0", false),
            ("0:1", false),
            ("9", false),
            ("3_32_2_1099511627776", false),
        ] {
            let stored = format!("hash:salt:{versions}");
            let parsed = StoredHash::parse(&stored);
            assert_eq!(parsed.is_as_costly_as(Cost::STANDARD), costly, "{versions}");
        }
    }

    #[test]
    fn a_new_hash_has_magentos_form() {
        let text = new_hash(&Password::new("a".to_owned()), Cost::STANDARD, &mut Memory::default()).unwrap();
        let parts: Vec<_> = text.split(':').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!((parts[0].len(), parts[1].len(), parts[2]), (64, 32, "3_32_2_67108864"));
        assert!(parts[1].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(new_salt(), new_salt());
    }

    /// Texts that look like stored values, with costs that a test can bear.
    fn likely() -> impl Strategy<Value = String> {
        let version = prop_oneof![
            "[013]?",
            "3_[0-9]{0,2}_[0-2]{0,1}_[0-9]{0,5}",
            "[ +-]{0,2}[0-9x_.]{0,22}",
            "3(_[0-9]{0,25}){0,4}"
        ];
        ("[0-9a-f]{0,64}", "\\PC{0,20}", proptest::collection::vec(version, 0..10))
            .prop_map(|(hash, salt, versions)| format!("{hash}:{salt}:{}", versions.join(":")))
            .prop_filter("too slow for a test", |text| {
                !StoredHash::parse(text).is_as_costly_as(Cost { memory_kib: 1024, iterations: 2 })
            })
    }

    proptest! {
        #[test]
        fn no_text_makes_a_comparison_panic(
            stored in prop_oneof![".*", "[0-9:_]{0,40}", likely()],
            password in ".*",
            key in proptest::option::of(".*"),
        ) {
            let parsed = StoredHash::parse(&stored);
            prop_assume!(!parsed.is_as_costly_as(Cost { memory_kib: 2048, iterations: 2 }));
            let key = key.and_then(|text| InstallationKey::parse(&text).ok());
            let mut memory = Memory::default();
            let _ = parsed.matches(&Password::new(password), key.as_ref(), &mut memory).unwrap();
        }

        #[test]
        fn a_new_hash_matches_its_own_password_only(password in ".*", other in ".*") {
            let cost = Cost { memory_kib: 8, iterations: 1 };
            let mut memory = Memory::default();
            let text = new_hash(&Password::new(password.clone()), cost, &mut memory).unwrap();
            prop_assert!(check(&text, &password, None));
            prop_assert_eq!(check(&text, &other, None), password == other);
        }
    }
}
