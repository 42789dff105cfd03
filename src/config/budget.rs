//! How much memory sessions and hashing may take together.

use std::fmt;

use crate::config::{AccountSource, Capacity, Config, ConfigError};

/// What one session takes in bytes, with its place in every index.
const SESSION_BYTES: u64 = 200;
/// What it takes in bytes to know of a token that it stands in the shop's table, too (`magento.mirror_tokens`).
const MIRRORED_BYTES: u64 = 80;
/// What one running password hash takes in bytes: the memory cost of Magento's hashes (fact sheet 7.1).
const HASH_BYTES: u64 = 64 << 20;
/// The most sessions that `auto` asks for.
const AUTO_SESSIONS: u64 = 10_000_000;
/// The part of the memory limit that `auto` gives to sessions, in percent.
const AUTO_PERCENT: u64 = 60;

/// How much memory sessions and hashing may take. It prints as the line that is logged at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many sessions may be live.
    pub sessions: u64,
    /// What one session takes, in bytes.
    pub bytes_per_session: u64,
    /// What all hashing threads take together, in bytes.
    pub hash_memory_bytes: u64,
    /// The memory limit in bytes; `None` when the system does not tell.
    pub limit_bytes: Option<u64>,
}

impl Budget {
    /// Works out the budget under a memory limit in bytes, when tokens are mirrored in the shop or not.
    pub fn new(capacity: Capacity, mirrors: bool, concurrency: usize, limit_bytes: Option<u64>) -> Self {
        let bytes_per_session = SESSION_BYTES + if mirrors { MIRRORED_BYTES } else { 0 };
        let allowed = limit_bytes.map_or(AUTO_SESSIONS, |limit| limit / 100 * AUTO_PERCENT / bytes_per_session);
        Self {
            sessions: match capacity {
                Capacity::Auto => allowed.min(AUTO_SESSIONS),
                Capacity::Sessions(sessions) => sessions,
            },
            bytes_per_session,
            hash_memory_bytes: HASH_BYTES.saturating_mul(concurrency as u64),
            limit_bytes,
        }
    }

    /// What it comes to, in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.session_bytes().saturating_add(self.hash_memory_bytes)
    }

    /// Whether it fits into the memory limit.
    pub fn fits(&self) -> bool {
        self.limit_bytes.is_none_or(|limit| self.total_bytes() <= limit)
    }

    fn session_bytes(&self) -> u64 {
        self.sessions.saturating_mul(self.bytes_per_session)
    }
}

impl Config {
    /// The budget under a memory limit in bytes ([`memory_limit`](crate::config::memory_limit) has the real one).
    ///
    /// # Errors
    /// A budget that does not fit, with the key to change: the one that was set, else the number of hashing threads.
    pub fn budget(&self, limit_bytes: Option<u64>) -> Result<Budget, ConfigError> {
        let mirrors = self.accounts.source == AccountSource::Magento && self.magento.mirror_tokens;
        let budget = Budget::new(self.tokens.capacity, mirrors, self.sign_in.concurrency, limit_bytes);
        if budget.fits() {
            return Ok(budget);
        }
        let key = match self.tokens.capacity {
            Capacity::Sessions(_) => "tokens.capacity",
            Capacity::Auto => "sign_in.concurrency",
        };
        let problem = format!("is too high, or the memory limit too low: {budget}");
        Err(ConfigError::invalid(self.places.of(key), key, problem))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} sessions at {} bytes ({} MiB) and {} MiB for hashing come to {} MiB, ",
            self.sessions,
            self.bytes_per_session,
            in_mebibytes(self.session_bytes()),
            in_mebibytes(self.hash_memory_bytes),
            in_mebibytes(self.total_bytes()),
        )?;
        match self.limit_bytes {
            Some(limit) => write!(formatter, "the memory limit is {} MiB", in_mebibytes(limit)),
            None => formatter.write_str("the memory limit is unknown"),
        }
    }
}

fn in_mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn auto_takes_what_sixty_percent_hold_and_ten_million_at_most() {
        let sessions = |limit| Budget::new(Capacity::Auto, false, 1, Some(limit)).sessions;
        assert_eq!(sessions(2_000_000_000), 6_000_000);
        assert_eq!(sessions(64 * GIB), 10_000_000);
        assert_eq!(Budget::new(Capacity::Auto, false, 1, None).sessions, 10_000_000);
    }

    #[test]
    fn a_budget_fits_up_to_the_last_byte() {
        let limit = 200 * 1_000_000 + 2 * (64 << 20);
        let fits = |sessions, limit| Budget::new(Capacity::Sessions(sessions), false, 2, Some(limit)).fits();
        assert!(fits(1_000_000, limit));
        assert!(!fits(1_000_000, limit - 1));
        assert!(!fits(1_000_001, limit));
        assert!(!fits(u64::MAX, u64::MAX - 1));
    }

    #[test]
    fn the_line_at_start_says_all_parts() {
        let budget = Budget::new(Capacity::Sessions(1_000_000), false, 2, Some(GIB));
        assert_eq!(
            budget.to_string(),
            "1000000 sessions at 200 bytes (191 MiB) and 128 MiB for hashing come to 319 MiB, \
             the memory limit is 1024 MiB"
        );
    }

    #[test]
    fn tokens_that_stand_in_the_shop_too_take_more() {
        let mut config = Config::default();
        config.magento.mirror_tokens = true;
        let sessions = |config: &Config| config.budget(Some(2_800_000_000)).unwrap().sessions;
        assert_eq!(sessions(&config), 8_400_000, "embedded accounts have no shop");
        config.accounts.source = AccountSource::Magento;
        assert_eq!(sessions(&config), 6_000_000);
    }

    #[test]
    fn a_start_that_cannot_fit_is_refused_with_the_key_to_change() {
        let mut config = Config::default();
        config.sign_in.concurrency = 16;
        let error = config.budget(Some(GIB)).unwrap_err().to_string();
        assert!(error.starts_with("by default: sign_in.concurrency is too high"), "{error}");
        config.tokens.capacity = Capacity::Sessions(1_000_000_000);
        config.sign_in.concurrency = 1;
        let error = config.budget(Some(GIB)).unwrap_err().to_string();
        assert!(error.starts_with("by default: tokens.capacity is too high"), "{error}");
        assert!(config.budget(None).is_ok());
    }
}
