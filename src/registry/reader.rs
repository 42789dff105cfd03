//! The reading side of the index: what a check needs, without a lock and without another thread.

use std::sync::Arc;

use crate::clock::{SharedClock, UnixSeconds};
use crate::registry::index::Index;
use crate::registry::{JwtDenial, Parts, Revocation};
use crate::session::{Session, SessionId, Subject};
use crate::settings::{RoleId, SharedSnapshot, Snapshot, WebsiteId};
use crate::store::UserRevocation;
use crate::token::jwt::{Claims, Issuer, SharedJwtKey, has_jwt_shape};
use crate::token::{DigestKey, Token, TokenDigest, TokenFormat, has_opaque_shape};

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// It is good. A JWT that Magento issued has no session of its own: its number is [`SessionId::NONE`], and its
    /// website is not known here, so that it is [`WebsiteId::ADMIN`].
    Valid(Session),
    /// It was good once; its time is over.
    Expired,
    /// It is not known, or no longer.
    Unknown,
    /// The user's tokens were revoked up to a moment that lies after its issue.
    Revoked,
    /// It cannot be told. Never to be taken for a yes.
    Unavailable,
}

/// What a client sent, as far as its text alone tells: something that could be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// It has the shape of an opaque token.
    Opaque(TokenDigest),
    /// It is a JWT whose signature is good.
    Jwt(TokenDigest, Claims),
}

impl Candidate {
    /// The digest of its text.
    pub fn digest(&self) -> TokenDigest {
        match self {
            Self::Opaque(digest) | Self::Jwt(digest, _) => *digest,
        }
    }

    /// What ends this token alone.
    pub fn revocation(&self) -> Revocation {
        match *self {
            Self::Jwt(digest, Claims { subject, expires: ends, issuer: Issuer::Magento, .. }) => {
                Revocation::Jwt(JwtDenial { digest, subject, ends })
            }
            Self::Opaque(digest) | Self::Jwt(digest, _) => Revocation::Token(digest),
        }
    }
}

/// A token that was made for a session that has yet to begin.
#[derive(Debug)]
pub struct NewToken {
    /// Its text: for the client alone.
    pub token: Token,
    /// What the session will be found by.
    pub digest: TokenDigest,
    /// The end that stands in the token, when one does.
    pub fixed_end: Option<UnixSeconds>,
    /// The first second after the user's last revocation: what is issued before that is revoked with it (fact sheet 6.5).
    pub begins: UnixSeconds,
}

/// What a check has to know about a user besides the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubjectFacts {
    /// Until when the account is locked.
    pub locked_until: Option<UnixSeconds>,
    /// The role of an administrator.
    pub role: Option<RoleId>,
    /// Up to which second of issue the user's JWTs are revoked: Magento's `revoke_before` (fact sheet 6.5).
    pub jwts_revoked: Option<UnixSeconds>,
}

/// What tokens look like. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TokenForms {
    /// What new ones look like: `tokens.format`.
    pub issued: TokenFormat,
    /// The key under which JWTs are signed, and read whatever is issued; empty when the installation's is not known.
    pub jwt_key: SharedJwtKey,
    /// Whether opaque tokens that a shop issued are taken over, so that a revocation has to be remembered for them, too.
    pub adopts_opaque: bool,
}

impl TokenForms {
    /// Whether a token can be good of which no session is kept.
    pub fn knows_foreign_tokens(&self) -> bool {
        self.adopts_opaque || self.reads_jwts()
    }

    /// Whether a JWT can be good at all.
    pub fn reads_jwts(&self) -> bool {
        self.jwt_key.load().is_some()
    }
}

/// Reads the index. Cheap to clone, and usable on any thread.
#[derive(Clone, Debug)]
pub struct Reader {
    index: Arc<Index>,
    key: Arc<DigestKey>,
    forms: TokenForms,
    snapshot: SharedSnapshot,
    clock: SharedClock,
}

impl Reader {
    pub(super) fn new(index: Arc<Index>, parts: &Parts) -> Self {
        Self {
            index,
            key: Arc::new(parts.key.clone()),
            forms: parts.forms.clone(),
            snapshot: Arc::clone(&parts.snapshot),
            clock: Arc::clone(&parts.clock),
        }
    }

    /// The digest of an opaque token; `None` for what does not have the shape of one.
    pub fn digest(&self, token: &str) -> Option<TokenDigest> {
        has_opaque_shape(token).then(|| self.key.digest(token))
    }

    /// Whether there is a session with this digest, live or kept as expired. It does not count as a use.
    pub fn holds(&self, digest: TokenDigest) -> bool {
        self.index.read(digest, |_| ()).is_some()
    }

    /// Whether the session with this digest is live, and not kept as expired; `None` when there is none. It does not count as
    /// a use.
    pub fn is_live(&self, digest: TokenDigest) -> Option<bool> {
        let (snapshot, now) = (self.snapshot.load(), self.clock.now());
        self.index.read(digest, |entry| !entry.session(&snapshot).is_expired_at(now))
    }

    /// Looks at what a client sent: the shape of an opaque token, or a JWT that is signed under the key that is in
    /// force with the algorithm that is set (fact sheet 6.6). What is neither is no token.
    pub fn examine(&self, text: &str) -> Option<Candidate> {
        if let Some(digest) = self.digest(text) {
            return Some(Candidate::Opaque(digest));
        }
        if !has_jwt_shape(text) {
            return None;
        }
        let algorithm = self.snapshot.load().jwt_algorithm()?;
        let claims = self.forms.jwt_key.load().as_ref()?.read(text, algorithm).ok()?;
        Some(Candidate::Jwt(self.key.digest(text), claims))
    }

    /// Says what a token is worth now; what is no candidate is no token.
    pub fn validate(&self, candidate: Option<Candidate>) -> Validation {
        match candidate {
            None => Validation::Unknown,
            Some(Candidate::Opaque(digest)) => self.session(digest).unwrap_or(Validation::Unknown),
            Some(Candidate::Jwt(digest, claims)) => match claims.issuer {
                Issuer::Session if claims.expires <= self.clock.wall() => Validation::Expired,
                Issuer::Session => self.session(digest).unwrap_or(Validation::Revoked),
                Issuer::Magento => self.issued_elsewhere(digest, &claims),
            },
        }
    }

    /// What is known of the user behind a session.
    pub fn facts(&self, subject: Subject) -> SubjectFacts {
        self.index.facts(subject)
    }

    /// Up to which second of issue the JWTs of a user are revoked, alone or with all of the kind; 0 when none are.
    pub fn jwts_revoked(&self, subject: Subject) -> UnixSeconds {
        self.index.jwts_revoked(subject)
    }

    /// The first second that the shop's clock may have shown at a moment of ours.
    pub fn shop_showed(&self, moment: UnixSeconds) -> UnixSeconds {
        self.index.jwts().shop_clock().showed(u64::from(moment.get()) * 1000).unwrap_or(moment)
    }

    /// Whether what stands in the shop may tell of a revocation that is not known here. What is earlier than `recent`, by
    /// the shop's clock, has been looked at before; what is not may have been written by a clock that was set back, over a
    /// later moment.
    pub fn may_be_news(&self, UserRevocation { subject, through }: UserRevocation, recent: UnixSeconds) -> bool {
        self.facts(subject).jwts_revoked != Some(through) && (through >= recent || through > self.jwts_revoked(subject))
    }

    /// The settings, websites and roles that count now.
    pub fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// The clock by which sessions end.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Makes a token for a session of `subject` in the form that is set; `None` when it cannot be made: a JWT without a
    /// key, with an algorithm that is not supported, or of a user who is revoked for ever.
    pub fn new_token(&self, subject: Subject) -> Option<NewToken> {
        let (token, fixed_end) = match self.forms.issued {
            TokenFormat::Opaque => (Token::generate(), None),
            TokenFormat::Jwt => {
                let seconds = self.snapshot.load().jwt_seconds(subject.kind);
                let claims = self.claims(subject, seconds, Issuer::Session)?;
                let mut text = String::with_capacity(320);
                self.append_signed(&claims, &mut text)?;
                (Token::from(text), Some(self.in_session_time(claims.expires)))
            }
        };
        let digest = self.key.digest(token.expose());
        let begins = self.index.jwts_revoked(subject).plus(1);
        Some(NewToken { token, digest, fixed_end, begins })
    }

    /// Writes a JWT for Magento behind what is in `to`: it speaks for the user of a session that is good, for so many
    /// seconds at most, and never longer than the session. `None` as in [`Self::new_token`].
    pub fn exchange(&self, session: &Session, seconds: u32, to: &mut String) -> Option<()> {
        let left = session.expires_in(self.clock.now()).unwrap_or(u32::MAX);
        self.append_signed(&self.claims(session.subject, seconds.min(left), Issuer::Magento)?, to)
    }

    /// Claims that begin now; but after the second of the user's last revocation, because what was issued in that second
    /// is revoked with it (fact sheet 6.5).
    fn claims(&self, subject: Subject, seconds: u32, issuer: Issuer) -> Option<Claims> {
        Some(Claims { subject, issued: self.begins(subject)?, expires: self.clock.wall().plus(seconds), issuer })
    }

    /// The second of issue. It is noted before anybody hears of it, so that a revocation goes that far when it lies ahead
    /// of the clock, or comes to; one that was made meanwhile has gone before. `None` when the user is revoked for ever: up
    /// to the last second that there is, which a row of the shop may say.
    fn begins(&self, subject: Subject) -> Option<UnixSeconds> {
        let jwts = self.index.jwts();
        let shop_clock = jwts.shop_clock();
        let (stamp, latest) = (shop_clock.stamp(&*self.clock), shop_clock.latest(&*self.clock));
        loop {
            let revoked = self.index.jwts_revoked(subject);
            if revoked.get() == u32::MAX {
                return None;
            }
            let begins = stamp.max(revoked.plus(1));
            if begins <= latest {
                jwts.note_signed(begins);
                return Some(begins);
            }
            jwts.note_if_ahead(subject, begins, latest);
            if self.index.jwts_revoked(subject) < begins {
                return Some(begins);
            }
        }
    }

    fn append_signed(&self, claims: &Claims, to: &mut String) -> Option<()> {
        let algorithm = self.snapshot.load().jwt_algorithm()?;
        self.forms.jwt_key.load().as_ref()?.append(claims, algorithm, to);
        Some(())
    }

    /// What the session with this digest is worth; `None` when there is none.
    fn session(&self, digest: TokenDigest) -> Option<Validation> {
        let now = self.clock.now();
        let found = self.index.read(digest, |entry| {
            let session = entry.session(&self.snapshot.load());
            if session.is_expired_at(now) {
                return Validation::Expired;
            }
            entry.touch(now);
            Validation::Valid(session)
        });
        found.or_else(|| self.index.is_unstored(digest).then_some(Validation::Unavailable))
    }

    /// A JWT that Magento issued: it ends by the wall clock, as Magento sees it.
    fn issued_elsewhere(&self, digest: TokenDigest, claims: &Claims) -> Validation {
        let Claims { subject, issued, expires, .. } = *claims;
        if expires <= self.clock.wall() {
            return Validation::Expired;
        }
        if self.index.is_unstored(digest) {
            return Validation::Unavailable;
        }
        if issued <= self.index.jwts_revoked(subject) || self.index.jwts().is_denied(digest) {
            return Validation::Revoked;
        }
        let jwts = self.index.jwts();
        jwts.note_if_ahead(subject, issued, jwts.shop_clock().latest(&*self.clock));
        let (id, website, last_used) = (SessionId::NONE, WebsiteId::ADMIN, self.clock.now());
        let ends = Some(self.in_session_time(expires));
        Validation::Valid(Session { id, subject, website, issued, ends, last_used })
    }

    /// A moment of the wall clock by the clock of sessions, which is ahead after the wall clock was set back: what has so
    /// many seconds left by the one has as many left by the other.
    fn in_session_time(&self, moment: UnixSeconds) -> UnixSeconds {
        match self.clock.now().since(self.clock.wall()) {
            // The two are read one after the other.
            0 | 1 => moment,
            ahead => moment.plus(ahead),
        }
    }
}
