//! The ceremonies of `WebAuthn` Level 3, by the library `passki`.
//!
//! The library judges client data, authenticator data and signatures (by
//! aws-lc-rs); this crate hands it what the port says and adds what the library
//! leaves to its caller: that the answer names the owner of the key, that
//! backup eligibility never changes, that the algorithm is one we asked for, and
//! that the stored key is the one that was registered. Keeps nothing and asks
//! nobody.

mod ceremonies;
mod presented;
mod record;
mod relying_party;

pub use ceremonies::WebauthnCeremonies;
pub use record::RecordKey;
pub use relying_party::{InvalidRelyingParty, RelyingParty, Transport};
