//! People of another system.

use domain::{
    AccountLock, Client, Email, EventName, Locale, LockReason, PasswordHash, SecondFactors, SignInName, User,
    UserId,
};
use futures_util::future::join_all;

use super::{
    Stores,
    fixtures::{
        change, email, event, fresh_uuid, hour, minute, password, person, phone, registration_of, session,
        start,
    },
};
use crate::{
    Account, ImportConflict, ImportOutcome, ImportedAccount, NewEvent, PendingRegistration, Redeemed,
};

/// The `number`-th person with a phone that was proven.
fn imported(number: u32) -> ImportedAccount {
    ImportedAccount {
        id: UserId(fresh_uuid()),
        keeps_id: false,
        email: email(number),
        phone: phone(number),
        password_hash: foreign(number),
        has_own_salt: true,
        locale: Locale::parse("fi").ok(),
        created_at: minute(-100),
        phone_verified_at: Some(minute(-90)),
        lock: None,
        event: NewEvent { client: Client::default(), ..event(EventName::UserCreated) },
    }
}

fn unverified(number: u32) -> ImportedAccount {
    ImportedAccount { phone_verified_at: None, ..imported(number) }
}

fn foreign(number: u32) -> PasswordHash {
    PasswordHash::new(format!("$2y$10$of-another-system-of-anoth{number:027}"))
}

fn as_registration(account: &ImportedAccount) -> PendingRegistration {
    PendingRegistration {
        email: account.email.clone(),
        phone: account.phone.clone(),
        password_hash: account.password_hash.clone(),
        locale: account.locale.clone(),
    }
}

const fn refused(conflict: ImportConflict) -> ImportOutcome {
    ImportOutcome::Refused(conflict)
}

use ImportOutcome::{AlreadyThere, Imported};

impl Stores {
    async fn imported_registration(&self, name: SignInName) -> Option<PendingRegistration> {
        self.find_sign_in(name, hour(1)).await.imported
    }

    async fn imports_remain(&self) -> bool {
        self.find_sign_in(SignInName::Email(email(999)), hour(1)).await.imports_remain
    }
}

pub async fn an_imported_account_is_as_it_was_given(stores: &Stores) {
    let (one, other) = (imported(1), ImportedAccount { locale: None, ..imported(2) });

    assert_eq!(stores.import(&[one.clone(), other.clone()], start()).await, [Imported, Imported]);

    for given in [one, other] {
        let expected = Account {
            user: User {
                id: given.id,
                email: given.email.clone(),
                phone: given.phone.clone(),
                phone_verified_at: minute(-90),
                locale: given.locale.clone(),
                second_factors: SecondFactors::default(),
                created_at: minute(-100),
                updated_at: start(),
            },
            password_hash: given.password_hash.clone(),
            lock: None,
        };
        assert_eq!(stores.find_account(given.id).await.as_ref(), Some(&expected));
        for name in [SignInName::Email(given.email), SignInName::Phone(given.phone)] {
            let found = stores.find_sign_in(name, start()).await;
            assert_eq!((found.account.as_ref(), found.imported), (Some(&expected), None));
        }
        let events = stores.events(given.id).await;
        let told: Vec<_> = events.iter().map(|event| (event.name, event.occurred_at)).collect();
        assert_eq!(told, [(EventName::UserCreated, start())]);
    }
    assert_eq!(stores.import(&[], start()).await, []);
}

pub async fn importing_again_changes_nothing(stores: &Stores) {
    let batch = [imported(1), unverified(2)];
    assert_eq!(stores.import(&batch, start()).await, [Imported, Imported]);
    let before = stores.find_account(batch[0].id).await;

    let again = [imported(1), unverified(2)];
    assert_eq!(stores.import(&again, minute(1)).await, [AlreadyThere, AlreadyThere]);
    let newer = [ImportedAccount { password_hash: foreign(7), ..imported(1) }, unverified(1)];
    assert_eq!(stores.import(&newer, minute(2)).await, [AlreadyThere, AlreadyThere]);

    assert_eq!(stores.find_account(batch[0].id).await, before);
    assert_eq!(stores.events(batch[0].id).await.len(), 1);
    let registration = stores.imported_registration(SignInName::Email(email(2))).await;
    assert_eq!(registration, Some(as_registration(&batch[1])));
}

pub async fn names_of_others_are_refused(stores: &Stores) {
    let (user, _) = stores.register(person(1), start()).await;
    let shouted = Email::parse("PERSON.1@EXAMPLE.COM").unwrap();
    stores.import(&[unverified(5)], start()).await;

    let batch = [
        ImportedAccount { email: shouted, ..imported(2) },
        ImportedAccount { phone: phone(1), ..imported(3) },
        ImportedAccount { id: user.id, keeps_id: true, ..imported(4) },
        ImportedAccount { keeps_id: true, ..imported(1) },
        ImportedAccount { id: user.id, keeps_id: true, ..imported(1) },
        ImportedAccount { phone: phone(1), ..unverified(6) },
        ImportedAccount { email: email(5), ..unverified(7) },
        ImportedAccount { phone: phone(5), ..unverified(8) },
    ];
    let expected = [
        refused(ImportConflict::EmailTaken),
        refused(ImportConflict::PhoneTaken),
        refused(ImportConflict::IdTaken),
        refused(ImportConflict::OtherId),
        AlreadyThere,
        refused(ImportConflict::PhoneTaken),
        refused(ImportConflict::EmailTaken),
        refused(ImportConflict::PhoneTaken),
    ];
    assert_eq!(stores.import(&batch, minute(1)).await, expected);

    let untouched = stores.find_account(user.id).await.expect("the account");
    assert_eq!((untouched.user, untouched.password_hash), (user, password(1)));
}

pub async fn the_first_of_a_batch_wins(stores: &Stores) {
    let first = imported(1);
    let batch = [
        first.clone(),
        ImportedAccount { phone: phone(2), ..imported(1) },
        ImportedAccount { email: email(2), ..imported(1) },
        imported(1),
        unverified(1),
        ImportedAccount { email: email(3), ..unverified(1) },
        unverified(4),
        ImportedAccount { phone: phone(9), ..unverified(4) },
        unverified(4),
        ImportedAccount { id: first.id, keeps_id: true, ..imported(1) },
    ];

    let expected = [
        Imported,
        refused(ImportConflict::EmailTaken),
        refused(ImportConflict::PhoneTaken),
        AlreadyThere,
        AlreadyThere,
        refused(ImportConflict::PhoneTaken),
        Imported,
        refused(ImportConflict::EmailTaken),
        AlreadyThere,
        AlreadyThere,
    ];
    assert_eq!(stores.import(&batch, start()).await, expected);
    assert_eq!(stores.events(first.id).await.len(), 1);
}

pub async fn an_unverified_person_is_a_registration_that_reserves_nothing(stores: &Stores) {
    let given = unverified(1);
    assert_eq!(stores.import(std::slice::from_ref(&given), start()).await, [Imported]);

    for name in [SignInName::Email(email(1)), SignInName::Phone(phone(1))] {
        let found = stores.find_sign_in(name, hour(24 * 365)).await;
        assert_eq!((found.account, found.registrations), (None, Vec::new()));
        assert_eq!(found.imported, Some(as_registration(&given)));
    }
    assert_eq!(stores.find_account(given.id).await, None);
    assert_eq!(stores.events(given.id).await, []);
    let (user, _) = stores.register(person(1), minute(1)).await;
    assert_eq!(user.email, email(1), "whoever proves the phone gets the account");
}

pub async fn an_imported_registration_ends_with_the_account_of_its_names(stores: &Stores) {
    stores.import(&[unverified(1), unverified(2), unverified(3), unverified(4)], start()).await;

    // Somebody else proves the e-mail's registration, the number's, and the imported one itself.
    stores.register(PendingRegistration { email: email(1), ..person(11) }, minute(1)).await;
    stores.register(PendingRegistration { phone: phone(2), ..person(12) }, minute(1)).await;
    stores.import(&[imported(3)], minute(1)).await;

    for number in [1, 2, 3] {
        for name in [SignInName::Email(email(number)), SignInName::Phone(phone(number))] {
            assert_eq!(stores.imported_registration(name).await, None, "{number}");
        }
    }
    assert!(stores.imported_registration(SignInName::Email(email(4))).await.is_some());
}

pub async fn imports_remain_until_the_last_hash_is_replaced(stores: &Stores) {
    stores.register(person(9), start()).await;
    assert!(!stores.imports_remain().await);
    stores.import(&[ImportedAccount { has_own_salt: false, ..imported(8) }], start()).await;
    assert!(!stores.imports_remain().await, "this hash is one of ours");

    let (one, other, third) = (imported(1), imported(2), unverified(3));
    stores.import(&[one.clone(), other.clone(), third.clone()], start()).await;
    stores.import(&[imported(4)], start()).await;
    let fourth =
        stores.find_sign_in(SignInName::Email(email(4)), start()).await.account.expect("the account");

    stores.accounts.upgrade_password_hash(one.id, &one.password_hash, &password(1)).await.expect("upgrade");
    assert!(stores.imports_remain().await);
    let session_of_other = session(minute(1));
    let changed = crate::PasswordChange { old: foreign(2), ..change_of(&other, session_of_other.id) };
    assert!(stores.change_password(&changed, minute(1)).await);
    assert!(stores.delete_account(fourth.user.id, minute(1)).await);
    assert!(stores.imports_remain().await);

    // The registration is proven with the hash it came with, which is still not one of ours.
    let attempt = stores.attempt_of(&registration_of(as_registration(&third)), minute(2)).await;
    let Redeemed::Done(user) = stores.redeem_registration(&attempt, &session(minute(2))).await else {
        panic!("the code was right")
    };
    assert!(stores.imports_remain().await);
    stores.accounts.upgrade_password_hash(user.id, &foreign(3), &password(3)).await.expect("upgrade");
    assert!(!stores.imports_remain().await);
}

fn change_of(account: &ImportedAccount, kept: domain::SessionId) -> crate::PasswordChange {
    let user = User {
        id: account.id,
        email: account.email.clone(),
        phone: account.phone.clone(),
        phone_verified_at: start(),
        locale: None,
        second_factors: SecondFactors::default(),
        created_at: start(),
        updated_at: start(),
    };
    change(&user, 1, 2, kept)
}

pub async fn a_preview_says_what_an_import_would_come_to(stores: &Stores) {
    stores.import(&[imported(1), unverified(2)], start()).await;
    let batch = [
        imported(1),
        unverified(2),
        imported(2),
        imported(3),
        unverified(4),
        ImportedAccount { phone: phone(7), ..imported(1) },
        ImportedAccount { email: email(7), ..unverified(2) },
    ];

    let previewed = stores.import.preview_import(&batch).await.expect("preview_import");

    let expected = [
        AlreadyThere,
        AlreadyThere,
        Imported,
        Imported,
        Imported,
        refused(ImportConflict::EmailTaken),
        refused(ImportConflict::PhoneTaken),
    ];
    assert_eq!(previewed, expected);
    assert_eq!(stores.find_account(batch[3].id).await, None);
    assert_eq!(stores.import(&batch, minute(1)).await, expected);
}

pub async fn importers_of_the_same_people_make_each_account_once(stores: &Stores) {
    let people = 1..=40;
    let batches: Vec<Vec<ImportedAccount>> = (0..10)
        .map(|importer| {
            let mut batch: Vec<ImportedAccount> = people
                .clone()
                .map(|number| if number % 4 == 0 { unverified(number) } else { imported(number) })
                .collect();
            batch.rotate_left(importer * 4);
            if importer % 2 == 0 {
                batch.reverse();
            }
            batch
        })
        .collect();

    let outcomes = join_all(batches.iter().map(|batch| stores.import(batch, start()))).await;

    let all = outcomes.iter().flatten();
    assert_eq!(all.clone().filter(|outcome| **outcome == Imported).count(), 40);
    assert!(all.clone().all(|outcome| matches!(outcome, Imported | AlreadyThere)), "{outcomes:?}");
    let listed = stores.directory.list_accounts(None, 100).await.expect("list_accounts");
    assert_eq!(listed.len(), 30);
    for account in listed {
        assert_eq!(stores.events(account.user.id).await.len(), 1);
    }
}

pub async fn an_imported_account_may_be_locked(stores: &Stores) {
    let lock = AccountLock { since: minute(-5), reason: LockReason::parse("fraud").unwrap() };
    let given = ImportedAccount { lock: Some(lock.clone()), ..imported(1) };

    assert_eq!(stores.import(std::slice::from_ref(&given), start()).await, [Imported]);

    assert_eq!(stores.find_account(given.id).await.expect("the account").lock, Some(lock));
}
