//! Which sessions a user has, in the order of their issue.
//!
//! In parts, so that giving memory back after many sessions have ended never takes long at once.

use std::collections::HashMap;

use crate::session::Subject;
use crate::token::TokenDigest;

/// How many parts there are.
pub(super) const PARTS: usize = 64;

/// A part below this capacity is never worth shrinking.
const SHRINK_FROM: usize = 1024;

/// The digests of each user's sessions.
#[derive(Debug)]
pub(super) struct Subjects {
    parts: Vec<HashMap<Subject, Digests>>,
}

/// Most users have one session; it needs no allocation of its own.
#[derive(Debug)]
enum Digests {
    One(TokenDigest),
    Many(Vec<TokenDigest>),
}

impl Digests {
    fn as_slice(&self) -> &[TokenDigest] {
        match self {
            Self::One(digest) => std::slice::from_ref(digest),
            Self::Many(digests) => digests,
        }
    }

    fn push(&mut self, digest: TokenDigest) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, digest]),
            Self::Many(digests) => digests.push(digest),
        }
    }

    /// Takes a digest out, and says whether nothing is left.
    fn remove(&mut self, digest: TokenDigest) -> bool {
        match self {
            Self::One(only) => *only == digest,
            Self::Many(digests) => {
                digests.retain(|candidate| *candidate != digest);
                digests.is_empty()
            }
        }
    }
}

impl Default for Subjects {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| HashMap::new()).collect() }
    }
}

impl Subjects {
    /// The digests of a user, oldest first.
    pub(super) fn of(&self, subject: Subject) -> &[TokenDigest] {
        self.parts[part_of(subject)].get(&subject).map_or(&[], Digests::as_slice)
    }

    /// The users of one part.
    pub(super) fn of_part(&self, part: usize) -> Vec<Subject> {
        self.parts.get(part).map(|users| users.keys().copied().collect()).unwrap_or_default()
    }

    /// Adds the newest digest of a user.
    pub(super) fn push(&mut self, subject: Subject, digest: TokenDigest) {
        self.parts[part_of(subject)]
            .entry(subject)
            .and_modify(|digests| digests.push(digest))
            .or_insert(Digests::One(digest));
    }

    /// Takes a digest out.
    pub(super) fn remove(&mut self, subject: Subject, digest: TokenDigest) {
        let part = &mut self.parts[part_of(subject)];
        if part.get_mut(&subject).is_some_and(|digests| digests.remove(digest)) {
            part.remove(&subject);
            if part.capacity() > SHRINK_FROM && part.len() < part.capacity() / 4 {
                part.shrink_to(part.len() * 2);
            }
        }
    }
}

fn part_of(subject: Subject) -> usize {
    subject.id as usize % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_of_a_user_keep_their_order_and_the_row_goes_with_the_last() {
        let [one, two, three] = [1, 2, 3].map(|number| TokenDigest([number; 16]));
        let (user, other) = (Subject::customer(1), Subject::admin(1));
        let mut subjects = Subjects::default();
        for digest in [one, two, three] {
            subjects.push(user, digest);
        }
        subjects.push(other, two);
        subjects.remove(user, two);
        assert_eq!(subjects.of(user), [one, three]);
        subjects.remove(user, three);
        subjects.remove(user, one);
        assert_eq!(subjects.of(user), []);
        assert_eq!(subjects.of(other), [two]);
        assert_eq!(subjects.parts[part_of(user)].len(), 1);
    }

    #[test]
    fn memory_is_given_back_when_most_users_have_gone() {
        let mut subjects = Subjects::default();
        let users = 64 * 4096;
        for id in 0..users {
            subjects.push(Subject::customer(id), TokenDigest([1; 16]));
        }
        for id in 64..users {
            subjects.remove(Subject::customer(id), TokenDigest([1; 16]));
        }
        assert!(subjects.parts.iter().all(|part| part.capacity() <= SHRINK_FROM));
    }
}
