//! How many messages an hour and a day allow.

use domain::{ChallengePolicy, Channel, CountryCode, Quota, Quotas};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        COOLDOWN, CROWD, MICROSECOND, address, email, hour, limits, login, minute, person, person_with_phone,
        phone, policy, registration, registration_of, resend, sends, start,
    },
};
use crate::{NewChallenge, PendingRegistration, Resend, SendDecision, SendLimits};

/// Challenges end before the next step of a story, so that no code lives on.
const SHORT: ChallengePolicy = ChallengePolicy {
    ttl: SignedDuration::from_mins(4),
    resend_cooldown: SignedDuration::from_mins(1),
    max_attempts: 5,
    max_sends: 3,
    max_given_back: 5,
};

fn short(quotas: Quotas) -> SendLimits {
    SendLimits { policy: SHORT, ..limits(quotas) }
}

/// Without a cooldown, so that nothing but a quota holds a number back.
const AT_ONCE: ChallengePolicy =
    ChallengePolicy { resend_cooldown: SignedDuration::ZERO, max_sends: CROWD, ..SHORT };

/// What a send shares with others of its kind, and what bounds it.
struct Dimension {
    challenge: fn(u32) -> NewChallenge,
    quotas: fn(Quota) -> Quotas,
}

const PHONE: Dimension = Dimension {
    challenge: |number| apart(number, person_with_phone(number, phone(99))),
    quotas: |quota| Quotas { phone: Some(quota), ..NONE },
};
const ACCOUNT: Dimension = Dimension {
    challenge: |number| {
        apart(number, PendingRegistration { email: email(99), phone: phone(98), ..person(number) })
    },
    quotas: |quota| Quotas { account: Some(quota), ..NONE },
};
const COUNTRY: Dimension = Dimension {
    challenge: |number| NewChallenge {
        country: CountryCode::parse("SE").ok(),
        ..apart(number, person(number))
    },
    quotas: |quota| Quotas { country: Some(quota), ..NONE },
};
const ADDRESS: Dimension = Dimension {
    challenge: |number| {
        let mut challenge = apart(number, person(number));
        challenge.limits.address = Some(address(99));
        challenge
    },
    quotas: |quota| Quotas { address: Some(quota), ..NONE },
};
const NONE: Quotas =
    Quotas { account: None, phone: None, voice: None, country: None, address: None, in_a_row: None };

/// A challenge that shares neither country nor address with any other.
fn apart(number: u32, registration: PendingRegistration) -> NewChallenge {
    let mut challenge = registration_of(registration);
    challenge.country = None;
    challenge.limits.address = u8::try_from(number).ok().map(address);
    challenge
}

impl Dimension {
    /// What is decided about the `number`-th send of this kind.
    async fn send(&self, stores: &Stores, number: u32, quota: Quota, now: Timestamp) -> SendDecision {
        let mut challenge = (self.challenge)(number);
        let address = challenge.limits.address;
        challenge.limits = SendLimits { address, ..short((self.quotas)(quota)) };
        stores.open(&challenge, now).await.send
    }

    async fn slides_by_the_hour(&self, stores: &Stores) {
        let two = Quota::per_hour(2);
        let reserved = |send| matches!(send, SendDecision::Reserved(_));

        assert!(reserved(self.send(stores, 1, two, minute(0)).await));
        assert!(reserved(self.send(stores, 2, two, minute(10)).await));
        let third = self.send(stores, 3, two, minute(20)).await;
        assert_eq!(third, SendDecision::OverQuota { retry_at: minute(60) });
        let early = self.send(stores, 4, two, minute(60) - MICROSECOND).await;
        assert_eq!(early, SendDecision::OverQuota { retry_at: minute(60) });

        assert!(reserved(self.send(stores, 5, two, minute(60)).await));
        let burst = self.send(stores, 6, two, minute(65)).await;
        assert_eq!(burst, SendDecision::OverQuota { retry_at: minute(70) });
    }

    async fn admits_its_quota_of_a_crowd(&self, stores: &Stores) {
        let asked = |number| {
            let challenge = (self.challenge)(number);
            let address = challenge.limits.address;
            let quotas = (self.quotas)(Quota::per_hour(10));
            NewChallenge { limits: SendLimits { policy: AT_ONCE, quotas, address }, ..challenge }
        };
        let crowd = || -> Vec<NewChallenge> { (0..CROWD).map(asked).collect() };

        assert_eq!(stores.open_at_once(&crowd(), minute(0)).await, 10);
        assert_eq!(stores.open_at_once(&crowd(), minute(30)).await, 0, "the hour is used up");
        assert_eq!(stores.open_at_once(&crowd(), minute(60)).await, 10);
    }
}

pub async fn rc_07_sends_to_a_number_are_bounded_in_a_sliding_hour(stores: &Stores) {
    PHONE.slides_by_the_hour(stores).await;
}

pub async fn rc_07_sends_of_an_account_are_bounded_in_a_sliding_hour(stores: &Stores) {
    ACCOUNT.slides_by_the_hour(stores).await;
}

pub async fn rc_07_sends_to_a_country_are_bounded_in_a_sliding_hour(stores: &Stores) {
    COUNTRY.slides_by_the_hour(stores).await;
}

pub async fn rc_07_sends_of_an_address_are_bounded_in_a_sliding_hour(stores: &Stores) {
    ADDRESS.slides_by_the_hour(stores).await;
}

pub async fn d_06_exactly_the_quota_of_50_concurrent_sends_to_a_number_is_admitted(stores: &Stores) {
    PHONE.admits_its_quota_of_a_crowd(stores).await;
}

pub async fn d_07_exactly_the_quota_of_50_concurrent_sends_of_an_account_is_admitted(stores: &Stores) {
    ACCOUNT.admits_its_quota_of_a_crowd(stores).await;
}

pub async fn d_07_exactly_the_quota_of_50_concurrent_sends_of_an_address_is_admitted(stores: &Stores) {
    ADDRESS.admits_its_quota_of_a_crowd(stores).await;
}

pub async fn d_08_exactly_the_quota_of_50_concurrent_sends_to_a_country_is_admitted(stores: &Stores) {
    COUNTRY.admits_its_quota_of_a_crowd(stores).await;
}

pub async fn d_07_exactly_the_quota_of_50_concurrent_resends_of_an_address_is_admitted(stores: &Stores) {
    let quotas = Quotas { address: Some(Quota::per_hour(10)), ..NONE };
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let opened = stores.open(&apart(number, person(number)), start()).await;
        let limits = SendLimits { address: Some(address(99)), ..limits(quotas) };
        crowd.push(Resend { limits, ..resend(&opened.challenge.id) });
    }

    let answers = join_all(crowd.iter().map(|resend| stores.resend(resend, start() + COOLDOWN))).await;

    assert_eq!(answers.iter().flatten().filter(|answer| sends(answer)).count(), 10);
}

pub async fn rc_07_a_day_allows_twice_an_hour(stores: &Stores) {
    let two = Quota::per_hour(2);
    let kinds = [(0, PHONE), (50, ACCOUNT)];
    for (first, kind) in kinds {
        for (number, hours) in (first..first + 4).zip([0, 2, 4, 6]) {
            let send = kind.send(stores, number, two, hour(hours)).await;
            assert!(matches!(send, SendDecision::Reserved(_)));
        }

        let fifth = kind.send(stores, first + 4, two, hour(8)).await;
        assert_eq!(fifth, SendDecision::OverQuota { retry_at: hour(24) });
        let next_day = kind.send(stores, first + 5, two, hour(24)).await;
        assert!(matches!(next_day, SendDecision::Reserved(_)));
    }
}

pub async fn the_latest_end_of_all_used_up_quotas_is_told(stores: &Stores) {
    let quotas = Quotas { phone: Some(Quota::per_hour(2)), account: Some(Quota::per_hour(1)), ..NONE };
    let mine = NewChallenge { limits: short(quotas), ..registration(1) };
    let same_number = registration_of(person_with_phone(2, phone(1)));
    let same_person = registration_of(PendingRegistration { email: email(1), phone: phone(1), ..person(3) });
    stores.open(&NewChallenge { limits: short(NONE), ..same_number }, minute(0)).await;
    stores.open(&NewChallenge { limits: short(NONE), ..same_person }, minute(10)).await;

    let opened = stores.open(&mine, minute(20)).await;

    assert_eq!(opened.send, SendDecision::OverQuota { retry_at: minute(70) });
}

pub async fn strangers_who_register_an_email_use_up_nothing_of_its_owner(stores: &Stores) {
    let one = Quotas { account: Some(Quota::per_hour(1)), ..NONE };
    for number in 1..=3 {
        let pending = PendingRegistration { email: email(1), ..person(number) };
        let opened =
            stores.open(&NewChallenge { limits: short(one), ..registration_of(pending) }, start()).await;
        assert!(matches!(opened.send, SendDecision::Reserved(_)), "number {number}");
    }
}

pub async fn the_later_of_hour_and_day_is_told(stores: &Stores) {
    let one = Quota::per_hour(1);
    for (number, minutes) in [(1, 0), (2, 24 * 60 - 30)] {
        let send = PHONE.send(stores, number, one, minute(minutes)).await;
        assert!(matches!(send, SendDecision::Reserved(_)));
    }

    let third = PHONE.send(stores, 3, one, minute(24 * 60 - 20)).await;

    assert_eq!(third, SendDecision::OverQuota { retry_at: minute(24 * 60 + 30) });
}

pub async fn sends_of_a_sign_in_count_for_its_account_and_number(stores: &Stores) {
    let (user, _) = stores.register(person(1), minute(0)).await;
    let with = |quotas| NewChallenge { limits: short(quotas), ..login(&user) };
    let of_account = Quotas { account: Some(Quota::per_hour(1)), ..NONE };
    let of_phone = Quotas { phone: Some(Quota::per_hour(2)), ..NONE };

    assert!(sends(&stores.open(&with(of_account), minute(10)).await), "registrations count apart");
    let by_account = stores.open(&with(of_account), minute(20)).await;
    let by_phone = stores.open(&with(of_phone), minute(20)).await;

    assert_eq!(by_account.send, SendDecision::OverQuota { retry_at: minute(70) });
    assert_eq!(by_phone.send, SendDecision::OverQuota { retry_at: minute(60) });
}

pub async fn a_resend_is_bound_by_the_quotas(stores: &Stores) {
    let one = Some(Quota::per_hour(1));
    let each = [
        Quotas { phone: one, ..NONE },
        Quotas { account: one, ..NONE },
        Quotas { country: one, ..NONE },
        Quotas { address: one, ..NONE },
    ];
    let opened = stores.open(&registration(1), start()).await;

    for quotas in each {
        let asked = Resend { limits: limits(quotas), ..resend(&opened.challenge.id) };
        let early = stores.resend(&asked, minute(1)).await.expect("it lives");
        assert_eq!(early.send, SendDecision::Held, "the cooldown is told first");
        let later = stores.resend(&asked, minute(3)).await.expect("it lives");
        assert_eq!(later.send, SendDecision::OverQuota { retry_at: minute(60) });
        assert_eq!(later.challenge.sends, 1);
    }
}

pub async fn sm_08_calls_to_a_number_have_a_quota_of_their_own(stores: &Stores) {
    let quotas = Quotas { voice: Some(Quota::per_hour(2)), ..NONE };
    let begin = async |number, at| {
        let pending = person_with_phone(number, phone(99));
        let asked = NewChallenge { limits: short(NONE), ..registration_of(pending) };
        stores.open(&asked, minute(at)).await.challenge.id
    };
    let further = async |id, channel, at| {
        let asked = Resend { channel, limits: short(quotas), ..resend(&id) };
        stores.resend(&asked, minute(at)).await.expect("it lives").send
    };
    let reserved = |send| matches!(send, SendDecision::Reserved(_));
    assert!(reserved(further(begin(1, 0).await, Channel::Voice, 2).await));
    assert!(reserved(further(begin(2, 10).await, Channel::Voice, 12).await));

    let third = begin(3, 20).await;
    let call = further(third.clone(), Channel::Voice, 22).await;
    assert_eq!(call, SendDecision::OverQuota { retry_at: minute(62) });
    assert!(reserved(further(third, Channel::Sms, 22).await), "texts are not bounded by it");

    assert!(reserved(further(begin(4, 60).await, Channel::Voice, 62).await));
}

pub async fn a_live_code_is_held_even_when_a_quota_is_used_up(stores: &Stores) {
    let quotas = Quotas { phone: Some(Quota::per_hour(1)), ..NONE };
    let ask = || NewChallenge { limits: limits(quotas), ..registration(1) };
    let opened = stores.open(&ask(), start()).await;

    let again = stores.open(&ask(), start() + policy().resend_cooldown).await;

    assert_eq!((again.send, again.challenge), (SendDecision::Held, opened.challenge));
}

pub async fn a_challenge_over_quota_is_open_and_sends_once_the_window_has_slid(stores: &Stores) {
    let quotas = Quotas { address: Some(Quota::per_hour(1)), ..NONE };
    stores.open(&registration(1), start()).await;
    let mine = NewChallenge { limits: limits(quotas), ..registration(2) };

    let opened = stores.open(&mine, minute(55)).await;
    assert_eq!(opened.send, SendDecision::OverQuota { retry_at: minute(60) });
    assert_eq!((opened.challenge.sends, opened.challenge.attempts_left), (0, 5));

    let again = NewChallenge { limits: limits(quotas), ..registration(2) };
    let again = stores.open(&again, minute(60)).await;
    assert!(sends(&again));
    assert_eq!((again.challenge.id, again.challenge.sends), (mine.id, 1));
}

pub async fn a_challenge_without_sends_left_is_held_even_when_a_quota_is_used_up(stores: &Stores) {
    let quotas = Quotas { phone: Some(Quota::per_hour(1)), ..NONE };
    let no_more = ChallengePolicy { max_sends: 1, ..policy() };
    let opened = stores.open(&registration(1), start()).await;
    let limits = SendLimits { policy: no_more, ..limits(quotas) };
    let asked = Resend { limits, ..resend(&opened.challenge.id) };

    let again = stores.resend(&asked, start() + COOLDOWN).await.expect("it lives");

    assert_eq!(again.send, SendDecision::Held);
}
