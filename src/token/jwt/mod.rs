//! JWTs in Magento's shape: signed under the installation's key, four claims, nothing stored by Magento (fact sheet 6).
//!
//! [`JwtKey`] holds the prepared key: it signs [`Claims`] and reads them back. Written here rather than with a library for
//! JWTs, because those take a key as bytes and hash Magento's 2,048 of them anew for each token, and none writes header
//! and claims in Magento's order.
//!
//! What always holds: a signature is compared in constant time, and before anything of the claims is read; the algorithm
//! is the configured one, never the one that a token asks for; two texts that differ are never the same token, because
//! the encoding is read strictly, so that the digest of a text is as good a name for it as the text.
//!
//! A JWT that was issued here as a session has a `jti` of our own form after Magento's claims, by which it is told apart:
//! it is good for as long as its session is. Magento's reader ignores the claim.

mod algorithm;
mod claims;
mod key;

pub use algorithm::JwtAlgorithm;
pub use claims::{Claims, Issuer, JwtError};
pub use key::{JwtKey, SharedJwtKey, has_jwt_shape};
