//! The tokens of a session, new or refreshed.

use domain::{
    AccessClaims, AccessToken, AuthenticationMethod, Client, DeviceId, DevicePolicy, DeviceToken, EventName,
    RefreshToken, SessionId, SessionPolicy, User,
};
use jiff::{SignedDuration, Timestamp};
use ports::{AccessTokens, LiveSession, NewDevice, NewSession, SecretGenerator, SigningFailed};

use crate::event::event;

/// What a signed-in user holds.
#[derive(Debug)]
pub struct SignedIn {
    pub access_token: AccessToken,
    pub expires_in: SignedDuration,
    pub refresh_token: RefreshToken,
    pub refresh_expires_in: SignedDuration,
    pub user: User,
    /// Of the device, when it was asked to be remembered or is.
    pub device_token: Option<DeviceToken>,
}

/// A session that is about to be opened, with the token its owner will get.
pub(crate) struct PreparedSession {
    pub(crate) session: NewSession,
    pub(crate) refresh_token: RefreshToken,
    device_token: Option<DeviceToken>,
}

impl PreparedSession {
    pub(crate) fn new(
        secrets: &dyn SecretGenerator,
        policy: &SessionPolicy,
        methods: Vec<AuthenticationMethod>,
        client: Client,
        opened_by: EventName,
        now: Timestamp,
    ) -> Self {
        let refresh_token = secrets.refresh_token();
        let session = NewSession {
            id: SessionId(secrets.id(now)),
            refresh_token: secrets.hash_refresh_token(&refresh_token),
            times: policy.begin(now),
            methods,
            event: event(secrets, opened_by, client.clone(), now),
            client,
            max_per_user: policy.max_per_user,
            device: None,
        };
        Self { session, refresh_token, device_token: None }
    }

    /// The same on a device that is remembered from then on.
    pub(crate) fn remembering(self, secrets: &dyn SecretGenerator, policy: &DevicePolicy) -> Self {
        let Self { session, refresh_token, .. } = self;
        let (now, client) = (session.times.created_at, session.client.clone());
        let token = secrets.device_token();
        let device = NewDevice {
            id: DeviceId(secrets.id(now)),
            token: secrets.hash_device_token(&token),
            expires_at: policy.expires_at(now),
            max_per_user: policy.max_per_user,
            event: event(secrets, EventName::DeviceRemembered, client, now),
        };
        let session = NewSession { device: Some(device), ..session };
        Self { session, refresh_token, device_token: Some(token) }
    }

    /// What the owner gets once the store has opened the session.
    pub(crate) fn opened_for(
        self,
        user: User,
        tokens: &dyn AccessTokens,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<SignedIn, SigningFailed> {
        let authenticated_at = self.session.times.created_at;
        self.opened_since(authenticated_at, user, tokens, policy, now)
    }

    /// The same for a session that proves no more than was proven at `authenticated_at`.
    pub(crate) fn opened_since(
        self,
        authenticated_at: Timestamp,
        user: User,
        tokens: &dyn AccessTokens,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<SignedIn, SigningFailed> {
        let live = LiveSession {
            id: self.session.id,
            user,
            authenticated_at,
            methods: self.session.methods,
            expires_at: self.session.times.expires_at,
            absolute_expires_at: self.session.times.absolute_expires_at,
        };
        let signed_in = sign(live, self.refresh_token, tokens, policy, now)?;
        Ok(SignedIn { device_token: self.device_token, ..signed_in })
    }
}

/// Signs an access token for a live session.
pub(crate) fn sign(
    session: LiveSession,
    refresh_token: RefreshToken,
    tokens: &dyn AccessTokens,
    policy: &SessionPolicy,
    now: Timestamp,
) -> Result<SignedIn, SigningFailed> {
    let expires_at = policy.access_expires_at(now, session.expires_at);
    let access_token = tokens.issue(&AccessClaims {
        user_id: session.user.id,
        session_id: session.id,
        issued_at: now,
        expires_at,
        authenticated_at: session.authenticated_at,
        methods: session.methods,
    })?;
    Ok(SignedIn {
        access_token,
        expires_in: expires_at.duration_since(now),
        refresh_token,
        refresh_expires_in: session.expires_at.duration_since(now),
        user: session.user,
        device_token: None,
    })
}
