//! The tokens of a session, new or refreshed.

use domain::{
    AccessClaims, AccessToken, AuthenticationMethod, Client, EventName, RefreshToken, SessionId,
    SessionPolicy, User,
};
use jiff::{SignedDuration, Timestamp};
use ports::{AccessTokens, LiveSession, NewSession, SecretGenerator, SigningFailed};

use crate::event::event;

/// What a signed-in user holds.
#[derive(Debug)]
pub struct SignedIn {
    pub access_token: AccessToken,
    pub expires_in: SignedDuration,
    pub refresh_token: RefreshToken,
    pub refresh_expires_in: SignedDuration,
    pub user: User,
}

/// A session that is about to be opened, with the token its owner will get.
pub(crate) struct PreparedSession {
    pub(crate) session: NewSession,
    pub(crate) refresh_token: RefreshToken,
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
        };
        Self { session, refresh_token }
    }

    /// What the owner gets once the store has opened the session.
    pub(crate) fn opened_for(
        self,
        user: User,
        tokens: &dyn AccessTokens,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<SignedIn, SigningFailed> {
        let live = LiveSession {
            id: self.session.id,
            user,
            authenticated_at: self.session.times.created_at,
            methods: self.session.methods,
            expires_at: self.session.times.expires_at,
            absolute_expires_at: self.session.times.absolute_expires_at,
        };
        sign(live, self.refresh_token, tokens, policy, now)
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
    })
}
