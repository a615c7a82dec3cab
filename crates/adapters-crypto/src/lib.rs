//! Time, randomness, password hashing and access tokens.
//!
//! The one crate that asks the system for the time and for random bytes, and
//! the one that holds keys. It decides nothing: the ports say what is promised,
//! `jsonwebtoken`, `bcrypt` and `aws-lc-rs` do the cryptography.
//!
//! | key | from | used for |
//! |---|---|---|
//! | pepper | configuration | HMAC-SHA-384 of passwords before bcrypt |
//! | password salt | HKDF of the data key | HMAC-SHA-256 of an e-mail into its bcrypt salt |
//! | seal | HKDF of the data key | AES-256-GCM of what must be readable again: TOTP secrets, stored signing keys |
//! | keys of services | configuration, kept as SHA-256 | compared with what programs present |
//! | work puzzle | HKDF of the data key | HMAC-SHA-256 of puzzles that strangers solve under suspicion |
//! | signing key | configuration, or the store, whose first is HKDF of the data key | access tokens: Ed25519, P-256 or HMAC-SHA-256 |

mod api_keys;
mod clock;
mod keys;
mod passwords;
mod sealing;
mod secrets;
mod tokens;
mod totp;
mod work_puzzles;

pub use api_keys::{HashedApiKeys, InvalidApiKeys};
pub use clock::SystemClock;
pub use keys::{DataKey, InvalidKey, Pepper, generate_secret};
pub use passwords::{
    BcryptHasher, HasherNotStarted, HasherSettings, ImportableHash, ImportableHashes, Pace, UnusableHash,
};
pub use sealing::DataKeySealer;
pub use secrets::SystemSecrets;
pub use tokens::{
    InvalidJwtKey, JwtAlgorithm, JwtKey, JwtKeyRing, JwtTokens, UnknownJwtAlgorithm, VerifyingKey,
};
pub use totp::AuthenticatorCodes;
pub use work_puzzles::KeyedPuzzles;
