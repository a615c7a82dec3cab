//! The steps of the stories.

use domain::{
    ChallengeId, DeviceEntry, DeviceId, DeviceTokenHash, EventName, Locale, LockReason, ProviderId,
    RefreshTokenHash, SecurityEvent, SendReference, SessionEntry, SessionId, SignInName, User, UserId,
};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{
        device_sign_in, disclosure, event, fresh_token, fresh_uuid, guess, login, new_device, presented,
        registration_of, sends, session, session_policy, step_up,
    },
};
use crate::{
    Account, Attempt, DeviceSignIn, DeviceUse, Guess, ImportOutcome, ImportedAccount, LockChange,
    NewChallenge, NewDevice, NewSession, Opened, PasswordChange, PasswordFailure, PendingRegistration, Proof,
    Redeemed, Resend, Rotation, SignIn, Taken, ThrottleKey,
};

/// Each panics when the store fails.
impl Stores {
    pub(super) async fn open(&self, challenge: &NewChallenge, now: Timestamp) -> Opened {
        self.try_open(challenge, now).await.expect("an account with this password")
    }

    /// Opens a challenge, unless its account is gone or has another password.
    pub(super) async fn try_open(&self, challenge: &NewChallenge, now: Timestamp) -> Option<Opened> {
        self.challenges.open(challenge, now).await.expect("open")
    }

    /// Opens all of them at once; how many sends were reserved.
    pub(super) async fn open_at_once(&self, challenges: &[NewChallenge], now: Timestamp) -> usize {
        let opened = join_all(challenges.iter().map(|challenge| self.open(challenge, now))).await;
        opened.iter().filter(|opened| sends(opened)).count()
    }

    pub(super) async fn resend(&self, resend: &Resend, now: Timestamp) -> Option<Opened> {
        self.challenges.reserve_resend(resend, now).await.expect("reserve_resend")
    }

    pub(super) async fn settle_sent(&self, reference: SendReference, provider_id: &str) {
        let provider_id = ProviderId(provider_id.to_owned());
        self.challenges.settle_sent(reference, &provider_id).await.expect("settle_sent");
    }

    pub(super) async fn settle_not_sent(&self, reference: SendReference) {
        self.challenges.settle_not_sent(reference).await.expect("settle_not_sent");
    }

    pub(super) async fn guess(&self, guess: &Guess, now: Timestamp) -> Taken {
        self.challenges.take_attempt(guess, now).await.expect("take_attempt")
    }

    /// Takes an attempt that must be there, without a quota.
    pub(super) async fn take(&self, id: &ChallengeId, now: Timestamp) -> Attempt {
        match self.guess(&guess(id), now).await {
            Taken::Attempt(attempt) => attempt,
            other => panic!("an attempt should have been taken, not {other:?}"),
        }
    }

    /// Takes every attempt that is left.
    pub(super) async fn exhaust(&self, id: &ChallengeId, now: Timestamp) {
        while self.take(id, now).await.attempts_left > 0 {}
    }

    pub(super) async fn is_closed(&self, id: &ChallengeId, now: Timestamp) -> bool {
        matches!(self.guess(&guess(id), now).await, Taken::Closed)
    }

    pub(super) async fn redeem_registration(&self, attempt: &Attempt, session: &NewSession) -> Redeemed {
        let user_id = UserId(fresh_uuid());
        let redeemed = self.challenges.redeem_registration(attempt, user_id, session, &disclosure()).await;
        redeemed.expect("redeem_registration")
    }

    pub(super) async fn redeem_login(&self, attempt: &Attempt, session: &NewSession) -> Redeemed {
        self.redeem_login_by(attempt, &Proof::SentCode, session).await
    }

    pub(super) async fn redeem_step_up(&self, attempt: &Attempt, session: &NewSession) -> Redeemed {
        self.redeem_step_up_by(attempt, &Proof::SentCode, session).await
    }

    pub(super) async fn redeem_login_by(
        &self,
        attempt: &Attempt,
        proof: &Proof,
        session: &NewSession,
    ) -> Redeemed {
        self.challenges.redeem_login(attempt, proof, session).await.expect("redeem_login")
    }

    pub(super) async fn redeem_step_up_by(
        &self,
        attempt: &Attempt,
        proof: &Proof,
        session: &NewSession,
    ) -> Redeemed {
        self.challenges.redeem_step_up(attempt, proof, session).await.expect("redeem_step_up")
    }

    /// Registers somebody from the first step to the last.
    pub(super) async fn register(&self, person: PendingRegistration, now: Timestamp) -> (User, NewSession) {
        let opened = self.open(&registration_of(person), now).await;
        let attempt = self.take(&opened.challenge.id, now).await;
        let session = NewSession { event: event(EventName::UserCreated), ..session(now) };
        match self.redeem_registration(&attempt, &session).await {
            Redeemed::Done(user) => (user, session),
            other => panic!("the registration should have succeeded, not {other:?}"),
        }
    }

    /// Opens a challenge and takes an attempt at it.
    pub(super) async fn attempt_of(&self, challenge: &NewChallenge, now: Timestamp) -> Attempt {
        let opened = self.open(challenge, now).await;
        self.take(&opened.challenge.id, now).await
    }

    /// Takes an attempt at a step-up that the session asks for.
    pub(super) async fn step_up_attempt(&self, user: &User, session: &NewSession, now: Timestamp) -> Attempt {
        self.attempt_of(&step_up(user, session.id), now).await
    }

    /// Signs somebody in from the first step to the last.
    pub(super) async fn sign_in(&self, user: &User, session: &NewSession, now: Timestamp) {
        let attempt = self.attempt_of(&login(user), now).await;
        let redeemed = self.redeem_login(&attempt, session).await;
        assert!(matches!(redeemed, Redeemed::Done(_)), "the sign-in should have succeeded");
    }

    pub(super) async fn find_sign_in(&self, name: SignInName, now: Timestamp) -> SignIn {
        self.accounts.find_sign_in(&name, None, now).await.expect("find_sign_in")
    }

    pub(super) async fn record_failure(&self, key: &ThrottleKey, now: Timestamp) {
        let failure = PasswordFailure { key: key.clone(), owner: None, device: None };
        self.accounts.record_password_failure(&failure, now).await.expect("record_password_failure");
    }

    pub(super) async fn is_live(&self, session: SessionId, user: UserId, now: Timestamp) -> bool {
        self.sessions.find_live(session, user, now).await.expect("find_live").is_some()
    }

    pub(super) async fn rotate(
        &self,
        presented: RefreshTokenHash,
        successor: RefreshTokenHash,
        now: Timestamp,
    ) -> Rotation {
        let reuse = event(EventName::TokenReuse);
        self.sessions.rotate(presented, successor, &session_policy(), &reuse, now).await.expect("rotate")
    }

    /// Whether a token of the session is worth anything; spends it if so.
    pub(super) async fn is_refused(&self, session: &NewSession, now: Timestamp) -> bool {
        self.rotate(session.refresh_token, fresh_token(), now).await == Rotation::Refused
    }

    /// Whether a device token counts at the sign-in of its owner, by e-mail.
    pub(super) async fn known_device(
        &self,
        user: &User,
        token: DeviceTokenHash,
        now: Timestamp,
    ) -> Option<DeviceId> {
        let name = SignInName::Email(user.email.clone());
        let found = self.accounts.find_sign_in(&name, Some(presented(token)), now).await;
        found.expect("find_sign_in").device
    }

    /// Registers somebody on a device that is remembered.
    pub(super) async fn register_on_device(
        &self,
        person: PendingRegistration,
        now: Timestamp,
    ) -> (User, NewSession, NewDevice) {
        let attempt = self.attempt_of(&registration_of(person), now).await;
        let device = new_device(now);
        let session = NewSession { device: Some(device.clone()), ..session(now) };
        match self.redeem_registration(&attempt, &session).await {
            Redeemed::Done(user) => (user, session, device),
            other => panic!("the registration should have succeeded, not {other:?}"),
        }
    }

    /// Signs somebody in with a code, on a device that is remembered.
    pub(super) async fn sign_in_on(&self, user: &User, device: &NewDevice, now: Timestamp) -> NewSession {
        let session = NewSession { device: Some(device.clone()), ..session(now) };
        self.sign_in(user, &session, now).await;
        session
    }

    pub(super) async fn use_device(&self, sign_in: &DeviceSignIn) -> DeviceUse {
        self.devices.sign_in(sign_in, sign_in.session.times.created_at).await.expect("sign_in")
    }

    /// Presents a device token with the right password; the successor if it counted.
    pub(super) async fn sign_in_by(
        &self,
        user: &User,
        token: DeviceTokenHash,
        now: Timestamp,
    ) -> Option<DeviceTokenHash> {
        let sign_in = device_sign_in(user, token, now);
        let answer = self.use_device(&sign_in).await;
        matches!(answer, DeviceUse::SignedIn { .. }).then_some(sign_in.successor)
    }

    pub(super) async fn list_devices(&self, user: UserId, now: Timestamp) -> Vec<DeviceEntry> {
        self.devices.list_devices(user, now).await.expect("list_devices")
    }

    pub(super) async fn device_ids(&self, user: UserId, now: Timestamp) -> Vec<DeviceId> {
        self.list_devices(user, now).await.into_iter().map(|entry| entry.id).collect()
    }

    pub(super) async fn forget_device(&self, device: DeviceId, user: UserId, now: Timestamp) -> bool {
        let event = event(EventName::DeviceRevoked);
        self.devices.forget_device(device, user, &event, now).await.expect("forget_device")
    }

    pub(super) async fn forget_devices(&self, user: UserId, now: Timestamp) -> u64 {
        let event = event(EventName::DeviceRevoked);
        self.devices.forget_devices(user, &event, now).await.expect("forget_devices")
    }

    pub(super) async fn list(&self, user: UserId, now: Timestamp) -> Vec<SessionEntry> {
        self.sessions.list_sessions(user, now).await.expect("list_sessions")
    }

    pub(super) async fn end(&self, session: SessionId, user: UserId, now: Timestamp) -> bool {
        let event = event(EventName::TokenRevoked);
        self.sessions.end(session, user, &event, now).await.expect("end")
    }

    pub(super) async fn end_others(&self, kept: SessionId, user: UserId, now: Timestamp) -> u64 {
        let event = event(EventName::TokenRevoked);
        self.sessions.end_others(kept, user, &event, now).await.expect("end_others")
    }

    pub(super) async fn find_account(&self, user: UserId) -> Option<Account> {
        self.accounts.find_account(user).await.expect("find_account")
    }

    pub(super) async fn change_password(&self, change: &PasswordChange, now: Timestamp) -> bool {
        self.accounts.change_password(change, now).await.expect("change_password")
    }

    pub(super) async fn set_locale(
        &self,
        user: UserId,
        locale: Option<Locale>,
        now: Timestamp,
    ) -> Option<User> {
        let event = event(EventName::UserUpdated);
        self.accounts.set_locale(user, locale, &event, now).await.expect("set_locale")
    }

    pub(super) async fn delete_account(&self, user: UserId, now: Timestamp) -> bool {
        let event = event(EventName::UserDeleted);
        self.accounts.delete_account(user, &event, now).await.expect("delete_account")
    }

    /// Locks an account because of `reason`.
    pub(super) async fn lock(&self, user: UserId, reason: &str, now: Timestamp) -> LockChange {
        let (reason, event) = (LockReason::parse(reason).unwrap(), event(EventName::LoginLock));
        self.directory.lock_account(user, &reason, &event, now).await.expect("lock_account")
    }

    pub(super) async fn unlock(&self, user: UserId, now: Timestamp) -> LockChange {
        let event = event(EventName::LoginUnlock);
        self.directory.unlock_account(user, &event, now).await.expect("unlock_account")
    }

    pub(super) async fn import(&self, accounts: &[ImportedAccount], now: Timestamp) -> Vec<ImportOutcome> {
        self.import.import_accounts(accounts, now).await.expect("import_accounts")
    }

    /// All events of somebody, the newest first.
    pub(super) async fn events(&self, user: UserId) -> Vec<SecurityEvent> {
        self.events.list_events(user, None, 1_000).await.expect("list_events")
    }

    /// The names of all events of somebody, the newest first.
    pub(super) async fn event_names(&self, user: UserId) -> Vec<EventName> {
        self.events(user).await.into_iter().map(|event| event.name).collect()
    }
}
