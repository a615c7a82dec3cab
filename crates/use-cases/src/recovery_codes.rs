//! Sets of recovery codes.

use domain::{RecoveryCode, RecoveryCodeHash};
use ports::SecretGenerator;

/// A fresh set, and what is stored of it.
pub(crate) fn new_set(secrets: &dyn SecretGenerator) -> (Vec<RecoveryCode>, Vec<RecoveryCodeHash>) {
    (0..RecoveryCode::IN_A_SET)
        .map(|_| {
            let code = secrets.recovery_code();
            let hash = secrets.hash_recovery_code(&code);
            (code, hash)
        })
        .unzip()
}
