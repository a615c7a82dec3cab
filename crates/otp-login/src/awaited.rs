//! Passwords are hashed only while somebody waits for the answer.

use async_trait::async_trait;
use domain::{Email, Password, PasswordHash};
use ports::{Candidate, HashError, PasswordHasher, PasswordMatch};

/// A hasher whose calls are dropped once `client_is_gone` resolves: the HTTP surface
/// and the hasher know nothing of each other.
///
/// Hashing is dear and changes nothing. Calls of a database or a provider are never
/// dropped, so that nothing is left half done.
pub(crate) struct Awaited<H, G> {
    pub(crate) hasher: H,
    pub(crate) client_is_gone: G,
}

impl<H, G, F> Awaited<H, G>
where
    G: Fn() -> F,
    F: Future<Output = ()>,
{
    async fn while_awaited<T>(
        &self,
        hashing: impl Future<Output = Result<T, HashError>>,
    ) -> Result<T, HashError> {
        tokio::select! {
            biased;
            answer = hashing => answer,
            () = (self.client_is_gone)() => Err(HashError::Abandoned),
        }
    }
}

#[async_trait]
impl<H, G, F> PasswordHasher for Awaited<H, G>
where
    H: PasswordHasher,
    G: Fn() -> F + Send + Sync,
    F: Future<Output = ()> + Send + 'static,
{
    async fn hash(&self, password: &Password, owner: &Email) -> Result<PasswordHash, HashError> {
        self.while_awaited(self.hasher.hash(password, owner)).await
    }

    async fn find_match(
        &self,
        password: &Password,
        candidates: &[Candidate],
        least_hashes: usize,
    ) -> Result<Option<PasswordMatch>, HashError> {
        self.while_awaited(self.hasher.find_match(password, candidates, least_hashes)).await
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use ports::MockPasswordHasher;

    use super::*;

    const MATCH: PasswordMatch = PasswordMatch { index: 3, outdated: true };

    fn password() -> Password {
        Password::presented("four unrelated words")
    }

    fn email() -> Email {
        Email::parse("ann@example.com").unwrap()
    }

    fn candidate() -> Candidate {
        Candidate { owner: email(), hash: PasswordHash::new("stored".to_owned()) }
    }

    fn answering() -> MockPasswordHasher {
        let mut hasher = MockPasswordHasher::new();
        let is_ours = |password: &Password| password.expose_typed() == "four unrelated words";
        hasher
            .expect_hash()
            .withf(move |password, owner| is_ours(password) && *owner == email())
            .returning(|_, _| Ok(PasswordHash::new("hash".to_owned())));
        hasher
            .expect_find_match()
            .withf(move |password, candidates, least_hashes| {
                is_ours(password) && candidates == [candidate()] && *least_hashes == 2
            })
            .returning(|_, _, _| Ok(Some(MATCH)));
        hasher
    }

    /// Its calls wait for ever, counted while they do.
    #[derive(Clone, Default)]
    struct Queue(Arc<AtomicUsize>);

    impl Queue {
        fn length(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }

        async fn wait<T>(&self) -> T {
            self.0.fetch_add(1, Ordering::SeqCst);
            let _place = Place(&self.0);
            pending().await
        }
    }

    struct Place<'a>(&'a AtomicUsize);

    impl Drop for Place<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[async_trait]
    impl PasswordHasher for Queue {
        async fn hash(&self, _: &Password, _: &Email) -> Result<PasswordHash, HashError> {
            self.wait().await
        }

        async fn find_match(
            &self,
            _: &Password,
            _: &[Candidate],
            _: usize,
        ) -> Result<Option<PasswordMatch>, HashError> {
            self.wait().await
        }
    }

    #[tokio::test]
    async fn an_awaited_answer_is_passed_on() {
        let awaited = Awaited { hasher: answering(), client_is_gone: pending };
        assert_eq!(awaited.hash(&password(), &email()).await.unwrap().as_str(), "hash");
        assert_eq!(awaited.find_match(&password(), &[candidate()], 2).await, Ok(Some(MATCH)));
    }

    #[tokio::test]
    async fn a_refusal_is_passed_on() {
        let mut hasher = MockPasswordHasher::new();
        hasher.expect_find_match().returning(|_, _, _| Err(HashError::Failed("no workers".to_owned())));
        let awaited = Awaited { hasher, client_is_gone: pending };
        let refusal = awaited.find_match(&password(), &[], 1).await;
        assert_eq!(refusal, Err(HashError::Failed("no workers".to_owned())));
    }

    #[tokio::test]
    async fn an_answer_that_is_there_is_given_even_to_nobody() {
        let awaited = Awaited { hasher: answering(), client_is_gone: || ready(()) };
        assert_eq!(awaited.find_match(&password(), &[candidate()], 2).await, Ok(Some(MATCH)));
    }

    #[tokio::test]
    async fn asvs_15_1_3_a_client_that_is_gone_leaves_the_queue() {
        let queue = Queue::default();
        let watched = queue.clone();
        let client_is_gone = move || {
            let queue = watched.clone();
            async move { assert_eq!(queue.length(), 1, "its password waits") }
        };
        let awaited = Awaited { hasher: queue.clone(), client_is_gone };
        assert_eq!(awaited.hash(&password(), &email()).await, Err(HashError::Abandoned));
        assert_eq!(awaited.find_match(&password(), &[candidate()], 1).await, Err(HashError::Abandoned));
        assert_eq!(queue.length(), 0);
    }
}
