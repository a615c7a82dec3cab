//! Passkeys that are kept, and what may be done with them.

use domain::{EventName, Factor, Passkey, PasskeyId, PasskeyName, SignInName, User, UserId};
use futures_util::future::{join, join_all};
use jiff::Timestamp;

use super::{
    Stores,
    fixtures::{
        CROWD, credential, event, fresh_uuid, login, minute, new_device, new_passkey, person, registration,
        session, start, use_of, with_passkey,
    },
};
use crate::{Added, Admitted, Answerable, NewPasskey, PasskeyRemoval, PasskeyUse};

impl Stores {
    async fn add_passkey(&self, passkey: &NewPasskey, now: Timestamp) -> Added {
        self.passkeys.add_passkey(passkey, now).await.expect("add_passkey")
    }

    /// Adds a passkey that must be taken.
    pub(super) async fn enrol_passkey(&self, user: &User, number: u8, now: Timestamp) -> NewPasskey {
        let passkey = new_passkey(user, number);
        let added = self.add_passkey(&passkey, now).await;
        assert!(matches!(added, Added::Done(_)), "the passkey should have been added, not {added:?}");
        passkey
    }

    async fn list_passkeys(&self, user: UserId) -> Vec<Passkey> {
        self.passkeys.list_passkeys(user).await.expect("list_passkeys")
    }

    async fn remove(&self, id: PasskeyId, user: &User, kept: domain::SessionId, now: Timestamp) -> bool {
        let event = event(EventName::PasskeyRemoved);
        let removal = PasskeyRemoval { id, user_id: user.id, kept, event };
        self.passkeys.remove_passkey(&removal, now).await.expect("remove_passkey")
    }

    async fn admit_passkey(&self, usage: &PasskeyUse, now: Timestamp) -> Admitted {
        self.passkeys.sign_in_with_passkey(usage, &session(now)).await.expect("sign_in_with_passkey")
    }

    async fn answerable(&self, id: &domain::ChallengeId, now: Timestamp) -> Option<Answerable> {
        self.passkeys.find_answerable(id, now).await.expect("find_answerable")
    }

    async fn factors(&self, user: UserId) -> Vec<Factor> {
        self.find_account(user).await.expect("the account").user.factors()
    }
}

pub async fn a_passkey_is_listed_as_it_was_added(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    assert_eq!(stores.factors(user.id).await, [Factor::Sms]);

    let first = stores.enrol_passkey(&user, 1, minute(1)).await;
    let second = NewPasskey { name: None, ..new_passkey(&user, 2) };
    stores.add_passkey(&second, minute(2)).await;

    let shown = |new: &NewPasskey, created_at| Passkey {
        id: new.id,
        name: new.name.clone(),
        created_at,
        last_used_at: None,
        backed_up: true,
    };
    assert_eq!(stores.list_passkeys(user.id).await, [shown(&first, minute(1)), shown(&second, minute(2))]);
    assert_eq!(stores.list_passkeys(stranger.id).await, []);
    let found = stores.passkeys.find_credentials(user.id).await.expect("find_credentials");
    let known: Vec<_> = found.into_iter().map(|c| (c.passkey_id, c.user_id, c.id, c.record)).collect();
    let of = |new: &NewPasskey| (new.id, user.id, new.credential.id.clone(), new.credential.record.clone());
    assert_eq!(known, [of(&first), of(&second)]);
    assert_eq!(stores.factors(user.id).await, [Factor::Sms, Factor::Passkey]);
    assert_eq!(stores.factors(stranger.id).await, [Factor::Sms]);
}

pub async fn a_credential_is_kept_once_whoever_brings_it(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (thief, _) = stores.register(person(2), start()).await;
    let first = stores.enrol_passkey(&user, 1, start()).await;

    for owner in [&user, &thief] {
        let again = NewPasskey { credential: first.credential.clone(), ..new_passkey(owner, 1) };
        assert_eq!(stores.add_passkey(&again, minute(1)).await, Added::Known);
    }

    assert_eq!(stores.list_passkeys(user.id).await.len(), 1);
    assert_eq!(stores.factors(thief.id).await, [Factor::Sms]);
    assert_eq!(stores.event_names(thief.id).await, [EventName::UserCreated]);
}

pub async fn a_passkey_of_a_missing_account_is_not_kept(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let nobody = User { id: UserId(fresh_uuid()), ..user };
    assert_eq!(stores.add_passkey(&new_passkey(&nobody, 1), start()).await, Added::Gone);
}

pub async fn nobody_gets_more_passkeys_than_the_limit_by_50_concurrent_calls(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let new: Vec<_> = (0..CROWD)
        .map(|n| NewPasskey { max_per_user: 3, ..new_passkey(&user, u8::try_from(n).expect("a crowd")) })
        .collect();

    let answers = join_all(new.iter().map(|passkey| stores.add_passkey(passkey, start()))).await;

    assert_eq!(answers.iter().filter(|answer| matches!(answer, Added::Done(_))).count(), 3);
    assert_eq!(answers.iter().filter(|answer| **answer == Added::Full).count(), CROWD as usize - 3);
    assert_eq!(stores.list_passkeys(user.id).await.len(), 3);
}

pub async fn one_of_50_concurrent_calls_adds_a_credential(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (stranger, _) = stores.register(person(2), start()).await;
    let credential = credential(1);
    let new: Vec<_> = (0..CROWD)
        .map(|n| if n % 2 == 0 { &user } else { &stranger })
        .map(|owner| NewPasskey { credential: credential.clone(), ..new_passkey(owner, 1) })
        .collect();

    let answers = join_all(new.iter().map(|passkey| stores.add_passkey(passkey, start()))).await;

    assert_eq!(answers.iter().filter(|answer| matches!(answer, Added::Done(_))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Added::Known).count(), CROWD as usize - 1);
    let counts = [stores.list_passkeys(user.id).await.len(), stores.list_passkeys(stranger.id).await.len()];
    let factors = [stores.factors(user.id).await.len(), stores.factors(stranger.id).await.len()];
    assert_eq!(counts.map(|count| count + 1), factors, "only whoever has one is said to have one");
    assert_eq!(counts[0] + counts[1], 1);
}

pub async fn asvs_7_4_3_a_removed_passkey_ends_all_other_sessions(stores: &Stores) {
    let (user, first) = stores.register(person(1), start()).await;
    let (stranger, of_stranger) = stores.register(person(2), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let kept = session(minute(10));
    stores.sign_in(&user, &kept, minute(10)).await;

    assert!(!stores.remove(passkey.id, &stranger, of_stranger.id, minute(11)).await, "another's");
    assert!(stores.is_live(first.id, user.id, minute(11)).await);
    assert!(stores.remove(passkey.id, &user, kept.id, minute(12)).await);

    assert!(!stores.is_live(first.id, user.id, minute(12)).await);
    assert!(stores.is_live(kept.id, user.id, minute(12)).await);
    assert!(stores.is_live(of_stranger.id, stranger.id, minute(12)).await);
    assert_eq!(stores.list_passkeys(user.id).await, []);
    assert_eq!(stores.factors(user.id).await, [Factor::Sms]);
    assert!(!stores.remove(passkey.id, &user, kept.id, minute(13)).await, "gone already");
    let names = stores.event_names(user.id).await;
    assert_eq!(names.iter().filter(|name| **name == EventName::PasskeyRemoved).count(), 1);
    assert_eq!(stores.admit_passkey(&use_of(&passkey, 2), minute(13)).await, Admitted::Closed);
}

pub async fn asvs_6_5_6_a_removed_passkey_forgets_all_devices(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    stores.sign_in_on(&user, &new_device(minute(10)), minute(10)).await;

    assert!(stores.remove(passkey.id, &user, kept.id, minute(11)).await);

    assert_eq!(stores.device_ids(user.id, minute(12)).await, []);
}

pub async fn asvs_7_4_2_a_passkey_of_a_locked_account_opens_nothing(stores: &Stores) {
    let (user, asking) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let of_login = stores.attempt_of(&login(&user), minute(10)).await;
    let of_step_up = stores.step_up_attempt(&user, &asking, minute(10)).await;

    stores.lock(user.id, "stolen phone", minute(11)).await;

    assert_eq!(stores.admit_passkey(&use_of(&passkey, 2), minute(12)).await, Admitted::Closed);
    for attempt in [of_login, of_step_up] {
        let answered = stores.answer(&attempt, &use_of(&passkey, 2), &session(minute(12))).await;
        assert_eq!(answered, Admitted::Closed);
    }
    stores.unlock(user.id, minute(13)).await;
    assert_eq!(stores.list(user.id, minute(13)).await, []);
    let admitted = stores.admit_passkey(&use_of(&passkey, 2), minute(13)).await;
    assert_eq!(admitted, Admitted::Done(with_passkey(&user)), "its use was not counted meanwhile");
}

pub async fn one_of_50_concurrent_removals_succeeds(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    stores.enrol_passkey(&user, 2, start()).await;

    let answers = join_all((0..CROWD).map(|_| stores.remove(passkey.id, &user, kept.id, minute(1)))).await;

    assert_eq!(answers.iter().filter(|removed| **removed).count(), 1);
    assert_eq!(stores.factors(user.id).await, [Factor::Sms, Factor::Passkey], "the other is counted on");
}

pub async fn a_removal_that_races_40_sign_ins_leaves_no_session(stores: &Stores) {
    let (user, kept) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let sign_ins = async {
        // As many as find room beside the one that is kept.
        join_all((0..40).map(|n| {
            let usage = use_of(&passkey, 2 + n);
            async move { stores.admit_passkey(&usage, minute(1)).await }
        }))
        .await
    };

    let (_, removed) = join(sign_ins, stores.remove(passkey.id, &user, kept.id, minute(1))).await;

    assert!(removed);
    let live: Vec<_> = stores.list(user.id, minute(1)).await.into_iter().map(|entry| entry.id).collect();
    assert_eq!(live, [kept.id]);
}

pub async fn a_used_passkey_opens_a_session_and_is_remembered(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let opened = session(minute(5));
    let mut usage = use_of(&passkey, 7);
    usage.assertion.backed_up = false;

    let admitted = stores.passkeys.sign_in_with_passkey(&usage, &opened).await.expect("sign_in_with_passkey");

    assert_eq!(admitted, Admitted::Done(with_passkey(&user)));
    assert!(stores.is_live(opened.id, user.id, minute(5)).await);
    assert!(!stores.is_refused(&opened, minute(5)).await);
    let shown = stores.list_passkeys(user.id).await;
    assert_eq!((shown[0].last_used_at, shown[0].backed_up), (Some(minute(5)), false));
    let events = stores.events(user.id).await;
    assert_eq!((events[0].name, events[0].session_id), (EventName::LoginSuccess, Some(opened.id)));
}

pub async fn a_counter_that_does_not_grow_opens_nothing_and_is_recorded(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    assert!(matches!(stores.admit_passkey(&use_of(&passkey, 7), minute(1)).await, Admitted::Done(_)));

    for counter in [7, 6, 1, 0] {
        assert_eq!(
            stores.admit_passkey(&use_of(&passkey, counter), minute(2)).await,
            Admitted::Cloned,
            "{counter}"
        );
    }

    assert_eq!(stores.list(user.id, minute(2)).await.len(), 2);
    assert_eq!(stores.list_passkeys(user.id).await[0].last_used_at, Some(minute(1)));
    let names = stores.event_names(user.id).await;
    assert_eq!(names[..4], [EventName::PasskeyCloned; 4]);
    assert!(matches!(stores.admit_passkey(&use_of(&passkey, 8), minute(3)).await, Admitted::Done(_)));
}

pub async fn a_passkey_that_does_not_count_is_used_again_and_again(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let mut passkey = new_passkey(&user, 1);
    passkey.credential.counter = 0;
    stores.add_passkey(&passkey, start()).await;

    for _ in 0..3 {
        assert!(matches!(stores.admit_passkey(&use_of(&passkey, 0), minute(1)).await, Admitted::Done(_)));
    }
    assert!(matches!(stores.admit_passkey(&use_of(&passkey, 1), minute(1)).await, Admitted::Done(_)));
    assert_eq!(
        stores.admit_passkey(&use_of(&passkey, 0), minute(1)).await,
        Admitted::Cloned,
        "it counts now"
    );
}

pub async fn one_of_50_concurrent_uses_with_one_counter_opens_a_session(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let usages: Vec<_> = (0..CROWD).map(|_| use_of(&passkey, 2)).collect();

    let answers = join_all(usages.iter().map(|usage| stores.admit_passkey(usage, minute(1)))).await;

    assert_eq!(answers.iter().filter(|answer| matches!(answer, Admitted::Done(_))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Admitted::Cloned).count(), CROWD as usize - 1);
    assert_eq!(stores.list(user.id, minute(1)).await.len(), 2);
}

pub async fn a_passkey_of_another_opens_nothing(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let (thief, _) = stores.register(person(2), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;

    let stolen = PasskeyUse { user_id: thief.id, ..use_of(&passkey, 2) };
    assert_eq!(stores.admit_passkey(&stolen, minute(1)).await, Admitted::Closed);

    let attempt = stores.attempt_of(&login(&thief), minute(1)).await;
    for usage in [&use_of(&passkey, 2), &stolen] {
        assert_eq!(stores.answer(&attempt, usage, &session(minute(1))).await, Admitted::Closed);
    }
    assert_eq!(stores.list(thief.id, minute(1)).await.len(), 1);
}

pub async fn a_passkey_use_makes_room_for_its_session(stores: &Stores) {
    let (user, oldest) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    let mut opened = session(minute(5));
    opened.max_per_user = 1;

    stores.passkeys.sign_in_with_passkey(&use_of(&passkey, 2), &opened).await.expect("sign_in_with_passkey");

    let live: Vec<_> = stores.list(user.id, minute(5)).await.into_iter().map(|entry| entry.id).collect();
    assert_eq!(live, [opened.id]);
    assert!(stores.is_refused(&oldest, minute(5)).await);
}

pub async fn challenges_of_whoever_has_a_passkey_say_so(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let before = stores.open(&login(&user), minute(10)).await.challenge;
    assert!(!before.second_factors.passkey);
    let answerable = stores.answerable(&before.id, minute(10)).await;
    assert_eq!(answerable, Some(Answerable { user_id: user.id, credentials: Vec::new() }));

    let passkey = stores.enrol_passkey(&user, 1, minute(10)).await;

    let after = stores.open(&login(&user), minute(11)).await.challenge;
    assert!(after.second_factors.passkey);
    let resent = stores.resend(&super::fixtures::resend(&after.id), minute(13)).await;
    assert!(resent.is_some_and(|opened| opened.challenge.second_factors.passkey));
    let found = stores.answerable(&after.id, minute(11)).await.expect("alive");
    assert_eq!(found.credentials.iter().map(|c| c.passkey_id).collect::<Vec<_>>(), [passkey.id]);
    let name = SignInName::Email(user.email.clone());
    assert!(
        stores.find_sign_in(name, minute(11)).await.account.is_some_and(|a| a.user.second_factors.passkey)
    );
}

pub async fn only_live_challenges_of_accounts_are_answerable(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    stores.enrol_passkey(&user, 1, start()).await;
    let pending = stores.open(&registration(2), minute(10)).await.challenge;
    assert_eq!(stores.answerable(&pending.id, minute(10)).await, None);
    assert_eq!(stores.answerable(&super::fixtures::fresh_challenge_id(), minute(10)).await, None);

    let challenge = stores.open(&login(&user), minute(10)).await.challenge;
    assert!(stores.answerable(&challenge.id, minute(10)).await.is_some());
    assert_eq!(stores.answerable(&challenge.id, minute(20)).await, None, "over");
    stores.exhaust(&challenge.id, minute(11)).await;
    assert_eq!(stores.answerable(&challenge.id, minute(11)).await, None, "no guesses left");
}

pub async fn a_deleted_account_leaves_no_passkey(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let passkey = stores.enrol_passkey(&user, 1, start()).await;
    assert!(stores.delete_account(user.id, minute(1)).await);

    assert_eq!(stores.list_passkeys(user.id).await, []);
    assert_eq!(stores.admit_passkey(&use_of(&passkey, 2), minute(1)).await, Admitted::Closed);
    let (other, _) = stores.register(person(2), minute(2)).await;
    let again = NewPasskey { credential: passkey.credential, ..new_passkey(&other, 1) };
    assert!(matches!(stores.add_passkey(&again, minute(2)).await, Added::Done(_)), "its key is free again");
}

pub async fn a_name_is_kept_as_it_was_given(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let name = PasskeyName::parse("O’Neil’s \"key\"; -- 🔑").ok();
    stores.add_passkey(&NewPasskey { name: name.clone(), ..new_passkey(&user, 1) }, start()).await;
    assert_eq!(stores.list_passkeys(user.id).await[0].name, name);
}
