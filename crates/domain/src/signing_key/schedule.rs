//! Which key signs, which are accepted, and until when.

use jiff::{SignedDuration, Timestamp};

use super::{SigningKey, SigningKeyId};

/// What signing keys go through, and how long each step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningKeyPolicy {
    /// How long every replica publishes a new key before it signs, so that whoever checks
    /// tokens with a copy of the published keys knows it first.
    pub publish_lead: SignedDuration,
    /// How often each replica looks for changes.
    pub refresh_every: SignedDuration,
    /// Life of an access token.
    pub access_ttl: SignedDuration,
}

impl SigningKeyPolicy {
    /// How long a key that is over is still listed.
    const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 7);

    /// What clocks may differ by.
    const LEEWAY: SignedDuration = SignedDuration::from_secs(5);

    /// When a key that is published `now` begins to sign.
    pub fn activates_at(&self, now: Timestamp) -> Timestamp {
        later(self.activates_soonest_at(now), self.publish_lead)
    }

    /// The soonest that a key published `now` can sign without a replica that does not
    /// know it yet.
    pub fn activates_soonest_at(&self, now: Timestamp) -> Timestamp {
        later(now, self.known_within())
    }

    /// By when every replica knows of a change, also one that missed it once.
    pub fn known_within(&self) -> SignedDuration {
        self.refresh_every.saturating_mul(2)
    }

    /// How long a key is accepted after another has taken its place: until its last
    /// token ends.
    fn accepted_for(&self) -> SignedDuration {
        self.access_ttl.saturating_add(self.known_within()).saturating_add(Self::LEEWAY)
    }
}

/// Where a signing key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningKeyState {
    /// Published, and signs later.
    Upcoming,
    /// Signs.
    Active,
    /// Signs no more; what it signed is accepted.
    Retiring,
    /// Neither published nor accepted.
    Retired,
}

impl SigningKeyState {
    /// The word for people and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }
}

/// All signing keys, and what becomes of each over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeySet {
    /// Ordered by number.
    keys: Vec<SigningKey>,
    policy: SigningKeyPolicy,
}

impl SigningKeySet {
    /// The life of `keys` under `policy`.
    pub fn new(mut keys: Vec<SigningKey>, policy: SigningKeyPolicy) -> Self {
        keys.sort_by_key(|key| key.number);
        Self { keys, policy }
    }

    /// The keys, the oldest first.
    pub fn keys(&self) -> &[SigningKey] {
        &self.keys
    }

    /// The key that was made last.
    pub fn newest(&self) -> Option<&SigningKey> {
        self.keys.last()
    }

    /// The key with this id.
    pub fn find(&self, id: &SigningKeyId) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.id == *id)
    }

    /// The key that signs `now`: the newest one whose time has come, or, when what signed
    /// was taken out of use, the one that would be next. `None` only when every key was.
    pub fn signer(&self, now: Timestamp) -> Option<&SigningKey> {
        let mut usable =
            self.keys.iter().filter(|key| key.retired_at.is_none() && !self.is_superseded(key, now));
        let begun = usable.clone().rfind(|key| key.activates_at <= now);
        begun.or_else(|| usable.next())
    }

    /// Where `key`, one of this set, is in its life `now`. A key that somebody took out of
    /// use is out of it, whatever the clock of whoever did so said.
    pub fn state(&self, key: &SigningKey, now: Timestamp) -> SigningKeyState {
        if self.ends_at(key).is_some_and(|end| end <= now) || key.retired_at.is_some() {
            SigningKeyState::Retired
        } else if self.signer(now).is_some_and(|signer| signer.number == key.number) {
            SigningKeyState::Active
        } else if self.is_superseded(key, now) {
            SigningKeyState::Retiring
        } else {
            SigningKeyState::Upcoming
        }
    }

    /// From when on nothing that `key` signed is accepted; `None` while no other key will
    /// take its place.
    pub fn ends_at(&self, key: &SigningKey) -> Option<Timestamp> {
        let last_token = self.superseded_at(key).map(|time| later(time, self.policy.accepted_for()));
        match (key.retired_at, last_token) {
            (Some(retired), Some(ended)) => Some(retired.min(ended)),
            (retired, ended) => retired.or(ended),
        }
    }

    /// Keys that ended so long ago that nobody asks for them any more.
    pub fn forgettable(&self, now: Timestamp) -> Vec<SigningKeyId> {
        let since = now.checked_sub(SigningKeyPolicy::REMEMBERED).unwrap_or(Timestamp::MIN);
        let long_over = self.keys.iter().filter(|key| self.ends_at(key).is_some_and(|end| end <= since));
        long_over.map(|key| key.id.clone()).collect()
    }

    /// When another key took, or will take, the place of `key`. One that was taken out of
    /// use before its time came takes nobody's.
    fn superseded_at(&self, key: &SigningKey) -> Option<Timestamp> {
        let newer = self.keys.iter().filter(|other| other.number > key.number);
        let begins =
            newer.filter(|other| other.retired_at.is_none_or(|retired| retired > other.activates_at));
        begins.map(|other| other.activates_at).min()
    }

    fn is_superseded(&self, key: &SigningKey, now: Timestamp) -> bool {
        self.superseded_at(key).is_some_and(|time| time <= now)
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use SigningKeyState::{Active, Retired, Retiring, Upcoming};

    use super::*;
    use crate::SigningAlgorithm;

    /// Lead 300 s, known within 60 s, tokens of 900 s: a key is accepted for 965 s more.
    const POLICY: SigningKeyPolicy = SigningKeyPolicy {
        publish_lead: SignedDuration::from_secs(300),
        refresh_every: SignedDuration::from_secs(30),
        access_ttl: SignedDuration::from_secs(900),
    };
    const ACCEPTED: i64 = 965;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Keys of these activations and, if they were, ends by hand; each made as its
    /// predecessor was 300 s from its own.
    fn set(times: &[(i64, Option<i64>)]) -> SigningKeySet {
        let key = |(number, (activates, retired)): (u32, &(i64, Option<i64>))| SigningKey {
            id: SigningKeyId::parse(&format!("key{number}")).unwrap(),
            number,
            algorithm: SigningAlgorithm::EdDsa,
            created_at: at(activates - 300),
            activates_at: at(*activates),
            retired_at: retired.map(at),
        };
        let mut keys: Vec<SigningKey> = (1..).zip(times).map(key).collect();
        // The order in which they come is nobody's promise.
        keys.reverse();
        SigningKeySet::new(keys, POLICY)
    }

    fn states(times: &[(i64, Option<i64>)], now: i64) -> Vec<SigningKeyState> {
        let set = set(times);
        set.keys().iter().map(|key| set.state(key, at(now))).collect()
    }

    #[test]
    fn tk_08_a_key_is_published_then_signs_then_is_accepted_then_refused() {
        let rotated = [(0, None), (1300, None)];
        let end = 1300 + ACCEPTED;
        for (now, expected) in [
            (1000, [Active, Upcoming]),
            (1299, [Active, Upcoming]),
            (1300, [Retiring, Active]),
            (end - 1, [Retiring, Active]),
            (end, [Retired, Active]),
            (end * 100, [Retired, Active]),
        ] {
            assert_eq!(states(&rotated, now), expected, "at {now}");
        }
    }

    #[test]
    fn tk_08_states_of_several_keys_follow_from_their_times() {
        let end = 100 + ACCEPTED;
        for (why, times, now, expected) in [
            ("nothing but the first, seen by a clock that is behind", vec![(10, None)], 5, vec![Active]),
            (
                "two rotations in a row",
                vec![(0, None), (100, None), (110, None)],
                105,
                vec![Retiring, Active, Upcoming],
            ),
            (
                "a later rotation that begins sooner",
                vec![(0, None), (300, None), (60, None)],
                60,
                vec![Retiring, Retiring, Active],
            ),
            (
                "the signing key taken out while the next is published",
                vec![(0, Some(50)), (100, None)],
                50,
                vec![Retired, Active],
            ),
            (
                "the next key taken out before it signed",
                vec![(0, None), (100, Some(50)), (350, None)],
                200,
                vec![Active, Retired, Upcoming],
            ),
            (
                "the next key taken out after it signed",
                vec![(0, None), (100, Some(150)), (150, None)],
                200,
                vec![Retiring, Retired, Active],
            ),
            (
                "no key ever comes back",
                vec![(0, None), (100, Some(end + 9)), (end + 9, None)],
                end + 10,
                vec![Retired, Retired, Active],
            ),
            (
                "taken out by a clock that is ahead",
                vec![(0, Some(70)), (100, None)],
                50,
                vec![Retired, Active],
            ),
            ("all taken out, which no store lets happen", vec![(0, Some(50))], 60, vec![Retired]),
        ] {
            assert_eq!(states(&times, now), expected, "{why}");
        }
    }

    #[test]
    fn whenever_the_newest_key_is_in_use_exactly_one_key_signs() {
        let choices = [None, Some(90), Some(250)];
        for first in choices {
            for second in choices {
                for third in [50, 200, 400] {
                    for now in [0, 60, 100, 240, 260, 500, 5000] {
                        let times = [(0, first), (200, second), (third, None)];
                        let active = states(&times, now).into_iter().filter(|state| *state == Active).count();
                        assert_eq!(active, 1, "{times:?} at {now}");
                    }
                }
            }
        }
    }

    #[test]
    fn tk_08_a_new_key_is_published_long_enough_for_those_with_a_copy_and_for_replicas() {
        assert_eq!(POLICY.activates_at(at(1000)), at(1360));
        assert_eq!(POLICY.activates_soonest_at(at(1000)), at(1060));
    }

    #[test]
    fn a_key_is_forgotten_a_week_after_its_end() {
        let week = 7 * 24 * 3600;
        let set = set(&[(0, None), (100, Some(150)), (150, None)]);
        let forgotten =
            |now| set.forgettable(at(now)).iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
        assert!(forgotten(150 + week - 1).is_empty());
        assert_eq!(forgotten(150 + week), ["key2"]);
        assert_eq!(forgotten(100 + ACCEPTED + week), ["key1", "key2"]);
        assert_eq!(forgotten(100 * week), ["key1", "key2"], "the newest stays");
    }
}
