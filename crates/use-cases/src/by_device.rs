//! A remembered device instead of a code.

use domain::{AuthenticationMethod, Client, EventName, SessionPolicy};
use jiff::Timestamp;
use ports::{AccessTokens, DeviceSignIn, DeviceStore, DeviceUse, PresentedDevice, SecretGenerator, Subject};

use crate::{Fault, SignedIn, event::event, open_session::PreparedSession};

/// What it takes to sign in by a device token.
pub(crate) struct ByDevice<'a> {
    pub(crate) devices: &'a dyn DeviceStore,
    pub(crate) secrets: &'a dyn SecretGenerator,
    pub(crate) tokens: &'a dyn AccessTokens,
    pub(crate) sessions: &'a SessionPolicy,
}

impl ByDevice<'_> {
    /// Opens a session for an account whose password was just right, if the token is that of a
    /// live device of it. The session is no newer a proof than the device.
    pub(crate) async fn sign_in(
        &self,
        subject: &Subject,
        presented: PresentedDevice,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, Fault> {
        let Subject::Login { user_id, phone, throttle_key, password_hash } = subject else { return Ok(None) };
        let methods = vec![AuthenticationMethod::Password];
        let success = EventName::LoginSuccess;
        let prepared =
            PreparedSession::new(self.secrets, self.sessions, methods, client.clone(), success, now);
        let successor = self.secrets.device_token();
        let sign_in = DeviceSignIn {
            user_id: *user_id,
            password_hash: password_hash.clone(),
            throttle_key: throttle_key.clone(),
            presented,
            successor: self.secrets.hash_device_token(&successor),
            session: prepared.session.clone(),
            reuse: event(self.secrets, EventName::DeviceTokenReuse, client.clone(), now).notifying(phone),
        };
        match self.devices.sign_in(&sign_in, now).await? {
            DeviceUse::SignedIn { user, authenticated_at } => {
                tracing::info!(event = success.as_str(), user.id = %user.id.0, session.id = %prepared.session.id.0, "by a remembered device");
                let signed_in =
                    prepared.opened_since(authenticated_at, user, self.tokens, self.sessions, now)?;
                Ok(Some(SignedIn { device_token: Some(successor), ..signed_in }))
            }
            DeviceUse::NotRemembered => Ok(None),
            DeviceUse::Reused { device_id } => {
                tracing::warn!(event = "authn_device_token_reuse", user.id = %user_id.0, device.id = %device_id.0, "a spent device token came back; the device is forgotten");
                Ok(None)
            }
        }
    }
}
