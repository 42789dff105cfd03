//! What the shop's rows and the sessions say of the same tokens.

use std::collections::{HashMap, HashSet};

use crate::secret::Secret;
use crate::store::MirroredToken;
use crate::token::TokenDigest;

/// What became of tokens that were written into the shop.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// The shop has ended them.
    pub(super) ended_there: Vec<MirroredToken>,
    /// They ended here, and the shop has no such row.
    pub(super) gone: Vec<MirroredToken>,
    /// They ended here, and stand in the shop.
    pub(super) to_delete: Vec<MirroredToken>,
}

impl Differences {
    /// Compares the texts of the rows that stand in the shop with the sessions here, each of which is live or kept as
    /// expired. Two tokens may have one row: the shop has given the number of the older one away again.
    ///
    /// A session that has ended by itself is left alone, also without its row, which Magento's own job deletes at any time;
    /// and so is a live one whose row is missing and was written a moment ago.
    pub(super) fn of(
        tokens: &[MirroredToken],
        standing: &HashMap<u32, Secret>,
        young: &HashSet<TokenDigest>,
        digest: impl Fn(&str) -> Option<TokenDigest>,
        is_live: impl Fn(TokenDigest) -> Option<bool>,
    ) -> Self {
        let mut found = Self::default();
        for &token in tokens {
            let text = standing.get(&token.row);
            let stands = text.is_some_and(|text| digest(text.expose()) == Some(token.digest));
            match (stands, is_live(token.digest)) {
                (true, Some(_)) | (false, Some(false)) => {}
                (true, None) => found.to_delete.push(token),
                (false, Some(true)) if young.contains(&token.digest) => {}
                (false, Some(true)) => found.ended_there.push(token),
                (false, None) => found.gone.push(token),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The token with this text.
    fn token(row: u32, text: &str) -> MirroredToken {
        MirroredToken { row, digest: digest(text).unwrap() }
    }

    #[expect(clippy::unnecessary_wraps, reason = "as whoever is asked for one")]
    fn digest(text: &str) -> Option<TokenDigest> {
        let mut digest = [0; 16];
        digest[..text.len()].copy_from_slice(text.as_bytes());
        Some(TokenDigest(digest))
    }

    fn compared(
        tokens: &[MirroredToken],
        standing: &[(u32, &str)],
        young: &[&str],
        is_live: Option<bool>,
    ) -> Differences {
        let standing = standing.iter().map(|(row, text)| (*row, Secret::new((*text).to_owned()))).collect();
        let young = young.iter().filter_map(|text| digest(text)).collect();
        Differences::of(tokens, &standing, &young, digest, |_| is_live)
    }

    #[test]
    fn what_stands_on_one_side_alone_is_told_for_each_side() {
        let tokens = [token(1, "one"), token(2, "two")];
        let (nothing, standing) = (Differences::default(), [(1, "one")]);
        let ended_there = Differences { ended_there: vec![tokens[1]], ..Differences::default() };
        assert_eq!(compared(&tokens, &standing, &[], Some(true)), ended_there);
        let over = Differences { to_delete: vec![tokens[0]], gone: vec![tokens[1]], ..Differences::default() };
        assert_eq!(compared(&tokens, &standing, &[], None), over);
        assert_eq!(compared(&tokens, &standing, &[], Some(false)), nothing, "the shop sees it as well");
    }

    #[test]
    fn of_two_tokens_with_one_row_that_one_stands_whose_text_it_is() {
        let (older, newer) = (token(1, "older"), token(1, "newer"));
        for tokens in [[older, newer], [newer, older]] {
            let expected = Differences { ended_there: vec![older], ..Differences::default() };
            assert_eq!(compared(&tokens, &[(1, "newer")], &[], Some(true)), expected);
        }
    }

    #[test]
    fn a_row_that_was_written_a_moment_ago_and_is_not_seen_ends_nothing() {
        let tokens = [token(1, "one")];
        assert_eq!(compared(&tokens, &[], &["one"], Some(true)), Differences::default());
        assert_eq!(compared(&tokens, &[], &["other"], Some(true)).ended_there, tokens);
    }
}
