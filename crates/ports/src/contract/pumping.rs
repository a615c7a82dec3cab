//! A simulated SMS pumping attack among honest people, on simulated time.
//!
//! The fraudster asks for codes to many numbers of a few prefixes, in turns or one prefix after
//! the other, by registrations with an e-mail and an address of their own each, and enters
//! none. Honest people ask for one code, wait for it, type it, sometimes wrongly, sometimes not
//! at all; some messages get lost and are asked for again. Everything goes through the ports.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use domain::{ChallengeId, PhoneNumber, SendOrigin, SendReference, Shield, User, UserId, Verdict};
use jiff::{SignedDuration, Timestamp};

use super::{
    Stores,
    fixtures::{
        guess, hour, login, person, person_with_phone, registration_of, resend, reset, session, unseen,
    },
};
use crate::{
    NewChallenge, Opened, PasswordReset, PendingRegistration, Proof, SendDecision, ShieldedSend, Taken,
};

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Attack {
    pub seed: u64,
    /// How many numbers the fraudster has.
    pub numbers: u32,
    pub prefixes: u32,
    pub honest: u32,
    pub lasts: SignedDuration,
    /// One prefix after the other, number after number, instead of all in turns at random.
    pub in_order: bool,
    pub shield: Shield,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    pub fraud_asked: u32,
    pub fraud_sent: u32,
    pub honest: u32,
    /// Who got a code within a quarter of an hour.
    pub honest_served: u32,
    /// Of those who were not served, how many asked for numbers in attacked prefixes.
    pub unserved_in_attacked_prefixes: u32,
    /// How many honest people have no account yet.
    pub newcomers: u32,
}

impl Damage {
    /// The share of what the fraudster would have spent that was not.
    pub fn fraud_stopped(&self) -> f64 {
        1.0 - f64::from(self.fraud_sent) / f64::from(self.fraud_asked.max(1))
    }

    /// The share of honest people who got their code.
    pub fn honest_served(&self) -> f64 {
        f64::from(self.honest_served) / f64::from(self.honest.max(1))
    }
}

/// Whoever has no code after so long does without.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// What mobile numbers of a country begin with, and how many digits follow.
struct Plan {
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader, and held against the plan by a test"))]
    country: &'static str,
    begins: &'static str,
    digits: u32,
}

const fn plan(country: &'static str, begins: &'static str, digits: u32) -> Plan {
    Plan { country, begins, digits }
}

/// Where the attack goes; honest people live there, too.
const ATTACKED: [Plan; 5] = [
    plan("NG", "+234803", 7),
    plan("PK", "+92301", 7),
    plan("ID", "+628121", 7),
    plan("LK", "+9471", 7),
    plan("SE", "+4670", 7),
];
const OTHERS: [Plan; 5] = [
    plan("GB", "+447400", 6),
    plan("DE", "+491511", 7),
    plan("FR", "+33612", 6),
    plan("IN", "+919810", 6),
    plan("PL", "+48512", 6),
];

/// `SplitMix64`: the same seed, the same story.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.roll() % most.max(1)
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    fn seconds(&mut self, from: u64, to: u64) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(from + self.below(to - from)).unwrap())
    }

    fn phone(&mut self, plan: &Plan) -> PhoneNumber {
        let number = self.below(10_u64.pow(plan.digits));
        let phone = format!("{}{number:0>width$}", plan.begins, width = plan.digits as usize);
        PhoneNumber::from_stored(&phone).unwrap()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Fraud(usize),
    /// Asks for a first code.
    Asks(usize),
    /// Asks for another code of the same challenge.
    AsksAgain(usize),
    Types(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Register,
    SignIn,
    Forgot,
}

struct Person {
    number: u32,
    phone: PhoneNumber,
    wish: Wish,
    account: Option<User>,
    in_attacked_prefix: bool,
    begins: Timestamp,
    served_at: Option<Timestamp>,
    tries: u32,
    challenge: Option<(ChallengeId, Option<UserId>)>,
    types: bool,
    mistypes: bool,
}

struct Story<'a> {
    stores: &'a Stores,
    shield: &'a Shield,
    dice: Dice,
    fraud: Vec<PhoneNumber>,
    people: Vec<Person>,
    steps: BinaryHeap<Reverse<(Timestamp, Step)>>,
    damage: Damage,
}

/// Plays an attack through the stores, which must be fresh.
pub async fn simulate(stores: &Stores, attack: &Attack) -> Damage {
    let mut story = Story {
        stores,
        shield: &attack.shield,
        dice: Dice(attack.seed),
        fraud: Vec::new(),
        people: Vec::new(),
        steps: BinaryHeap::new(),
        damage: Damage::default(),
    };
    let prefixes = story.plan_attack(attack);
    story.invite(attack, &prefixes).await;
    while let Some(Reverse((now, step))) = story.steps.pop() {
        story.take(step, now).await;
    }
    let unserved = story.people.iter().filter(|person| person.served_at.is_none());
    let attacked = unserved.filter(|person| person.in_attacked_prefix).count();
    Damage { unserved_in_attacked_prefixes: u32::try_from(attacked).unwrap(), ..story.damage }
}

impl Story<'_> {
    /// Spreads the fraudster's numbers over time; gives the prefixes.
    fn plan_attack(&mut self, attack: &Attack) -> Vec<String> {
        let prefixes: Vec<String> = (0..attack.prefixes as usize)
            .map(|index| {
                let phone = self.dice.phone(&ATTACKED[index % ATTACKED.len()]);
                phone.as_e164()[..phone.as_e164().len() - 4].to_owned()
            })
            .collect();
        let each = attack.numbers / attack.prefixes;
        for prefix in &prefixes {
            let first = self.dice.below(u64::from(9_999 - each));
            for index in 0..each {
                let last = if attack.in_order { first + u64::from(index) } else { self.dice.below(10_000) };
                self.fraud.push(PhoneNumber::from_stored(&format!("{prefix}{last:04}")).unwrap());
            }
        }
        let count = self.fraud.len() as u64;
        if !attack.in_order {
            for index in 1..self.fraud.len() {
                let other = usize::try_from(self.dice.below(index as u64 + 1)).unwrap();
                self.fraud.swap(index, other);
            }
        }
        let span = u64::try_from(attack.lasts.as_secs()).unwrap();
        for index in 0..self.fraud.len() {
            let second = i64::try_from(span * index as u64 / count).unwrap();
            self.steps.push(Reverse((begin() + SignedDuration::from_secs(second), Step::Fraud(index))));
        }
        prefixes
    }

    /// Three in ten honest people are new; a quarter of all live in attacked countries, and a
    /// few have numbers in attacked prefixes.
    async fn invite(&mut self, attack: &Attack, prefixes: &[String]) {
        let span = u64::try_from(attack.lasts.as_secs()).unwrap();
        for index in 0..attack.honest {
            let is_placed = index % 83 == 7;
            let phone = if is_placed {
                let prefix = &prefixes[usize::try_from(self.dice.below(prefixes.len() as u64)).unwrap()];
                PhoneNumber::from_stored(&format!("{prefix}{:04}", self.dice.below(10_000))).unwrap()
            } else {
                let plans = if self.dice.percent(25) { &ATTACKED } else { &OTHERS };
                let plan = &plans[usize::try_from(self.dice.below(plans.len() as u64)).unwrap()];
                self.dice.phone(plan)
            };
            // Some are there by chance.
            let in_attacked_prefix = prefixes.iter().any(|prefix| phone.as_e164().starts_with(prefix));
            let wish = match self.dice.below(10) {
                0..3 => Wish::Register,
                3..9 => Wish::SignIn,
                _ => Wish::Forgot,
            };
            let number = 1_000 + index;
            let account = match wish {
                Wish::Register => None,
                Wish::SignIn | Wish::Forgot => {
                    Some(self.stores.register(person_with_phone(number, phone.clone()), hour(0)).await.0)
                }
            };
            let begins = begin() + self.dice.seconds(0, span);
            self.damage.honest += 1;
            self.damage.newcomers += u32::from(wish == Wish::Register);
            self.steps.push(Reverse((begins, Step::Asks(index as usize))));
            self.people.push(Person {
                number,
                phone,
                wish,
                account,
                in_attacked_prefix,
                begins,
                served_at: None,
                tries: 0,
                challenge: None,
                types: !self.dice.percent(8),
                mistypes: self.dice.percent(6),
            });
        }
    }

    async fn take(&mut self, step: Step, now: Timestamp) {
        match step {
            Step::Fraud(index) => self.defraud(index, now).await,
            Step::Asks(index) => self.ask(index, now).await,
            Step::AsksAgain(index) => self.ask_again(index, now).await,
            Step::Types(index) => self.type_code(index, now).await,
        }
    }

    async fn admit(
        &self,
        phone: &PhoneNumber,
        origin: SendOrigin,
        reference: Option<SendReference>,
        now: Timestamp,
    ) -> Verdict {
        let send = ShieldedSend::new(phone.clone(), origin, reference);
        self.stores.shield.admit(&send, self.shield, now).await.expect("admit").verdict
    }

    /// Whoever is refused leaves no record of a send, so the order of the two does not matter.
    async fn defraud(&mut self, index: usize, now: Timestamp) {
        let phone = self.fraud[index].clone();
        self.damage.fraud_asked += 1;
        if self.admit(&phone, SendOrigin::Stranger, None, now).await != Verdict::Admit {
            return;
        }
        self.damage.fraud_sent += 1;
        let number = 100_000 + u32::try_from(index).unwrap();
        self.stores.open(&registration_of(person_with_phone(number, phone)), now).await;
    }

    fn challenge(&self, index: usize) -> NewChallenge {
        let someone = &self.people[index];
        let of_account = |account: &User| (account.email.clone(), account.id);
        match (someone.wish, &someone.account) {
            (Wish::SignIn, Some(account)) => login(account),
            (Wish::Forgot, Some(account)) => {
                let (email, id) = of_account(account);
                reset(email, Some(id))
            }
            _ => registration_of(PendingRegistration {
                phone: someone.phone.clone(),
                ..person(someone.number)
            }),
        }
    }

    async fn ask(&mut self, index: usize, now: Timestamp) {
        let opened = self.stores.open(&self.challenge(index), now).await;
        let user = self.people[index].account.as_ref().map(|account| account.id);
        self.people[index].challenge = Some((opened.challenge.id.clone(), user));
        self.deliver(index, opened, now).await;
    }

    async fn ask_again(&mut self, index: usize, now: Timestamp) {
        let Some((id, _)) = self.people[index].challenge.clone() else { return };
        match self.stores.resend(&resend(&id), now).await {
            Some(opened) => self.deliver(index, opened, now).await,
            None => self.ask(index, now).await,
        }
    }

    async fn deliver(&mut self, index: usize, opened: Opened, now: Timestamp) {
        let phone = self.people[index].phone.clone();
        let reference = match opened.send {
            SendDecision::Reserved(send) => Some(send.reference),
            SendDecision::Announced => {
                let send = unseen(&opened.challenge.id, phone.clone());
                let reserved = self.stores.challenges.reserve_unseen(&send, now).await.expect("reserve");
                reserved.then_some(send.reference)
            }
            SendDecision::Held | SendDecision::OverQuota { .. } => None,
        };
        let Some(reference) = reference else { return self.try_later(index, now) };
        match self.admit(&phone, opened.challenge.purpose.origin(), Some(reference), now).await {
            Verdict::Admit => self.receive(index, reference, now).await,
            Verdict::Refuse(_) => {
                self.stores.settle_not_sent(reference).await;
                self.try_later(index, now);
            }
        }
    }

    async fn receive(&mut self, index: usize, reference: SendReference, now: Timestamp) {
        self.stores.settle_sent(reference, "verification").await;
        if self.dice.percent(2) {
            return self.try_later(index, now);
        }
        let someone = &mut self.people[index];
        if someone.served_at.is_none() && now.duration_since(someone.begins) <= PATIENCE {
            someone.served_at = Some(now);
            self.damage.honest_served += 1;
        }
        if self.people[index].types {
            let at = now + self.dice.seconds(8, 75);
            self.steps.push(Reverse((at, Step::Types(index))));
        }
    }

    /// Nobody waits for more than three further messages.
    fn try_later(&mut self, index: usize, now: Timestamp) {
        self.people[index].tries += 1;
        if self.people[index].tries <= 3 {
            let at = now + self.dice.seconds(125, 200);
            self.steps.push(Reverse((at, Step::AsksAgain(index))));
        }
    }

    async fn type_code(&mut self, index: usize, now: Timestamp) {
        let Some((id, user)) = self.people[index].challenge.clone() else { return };
        let Taken::Attempt(attempt) = self.stores.guess(&guess(&id), now).await else { return };
        if std::mem::take(&mut self.people[index].mistypes) {
            let at = now + self.dice.seconds(5, 20);
            self.steps.push(Reverse((at, Step::Types(index))));
            return;
        }
        let (challenges, session) = (&self.stores.challenges, session(now));
        match (self.people[index].wish, user) {
            (Wish::SignIn, Some(_)) => {
                challenges.redeem_login(&attempt, &Proof::SentCode, &session).await.expect("redeem");
            }
            (Wish::Forgot, Some(_)) => {
                let event = super::fixtures::event(domain::EventName::PasswordReset);
                let new = super::fixtures::password(self.people[index].number);
                let reset = PasswordReset { new, event };
                challenges.reset_password(&attempt, &reset, now).await.expect("reset");
            }
            _ => {
                self.stores.redeem_registration(&attempt, &session).await;
            }
        }
    }
}

/// Long after the accounts were made.
fn begin() -> Timestamp {
    hour(24 * 30)
}

#[cfg(test)]
mod tests {
    use domain::CountryCode;

    use super::*;

    #[test]
    fn numbers_of_the_story_belong_to_their_countries() {
        let mut dice = Dice(1);
        for plan in ATTACKED.iter().chain(&OTHERS) {
            for _ in 0..20 {
                let phone = dice.phone(plan);
                assert_eq!(phone.region(), CountryCode::parse(plan.country).ok(), "{}", plan.begins);
            }
        }
    }
}
