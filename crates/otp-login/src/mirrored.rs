//! Decoys that are checked like codes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::{Channel, Code, PhoneNumber, ProviderId, SendReference};
use ports::{
    CodeCheck, CodeRequest, DecoyCodes, ProviderFault, StartError, StartedVerification, VerificationProvider,
};
use tokio::time::Instant;

/// How many checks are remembered: few, so that an outage shows at decoys soon, too.
const REMEMBERED: usize = 8;

/// A provider, and decoys that take as long as its checks lately took and fail as they failed.
pub(crate) struct Mirrored {
    provider: Arc<dyn VerificationProvider>,
    /// How long a check takes before any was made.
    typical: Duration,
    recent: Mutex<VecDeque<Outcome>>,
}

#[derive(Clone)]
struct Outcome {
    took: Duration,
    fault: Option<ProviderFault>,
}

impl Mirrored {
    pub(crate) fn new(provider: Arc<dyn VerificationProvider>, typical: Duration) -> Self {
        Self { provider, typical, recent: Mutex::new(VecDeque::with_capacity(REMEMBERED)) }
    }

    fn remember(&self, outcome: Outcome) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(outcome);
    }

    /// Takes turns, so that what happens once does not happen to every decoy.
    fn next(&self) -> Outcome {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = recent.pop_front() else { return Outcome { took: self.typical, fault: None } };
        recent.push_back(next.clone());
        next
    }
}

#[async_trait]
impl DecoyCodes for Mirrored {
    async fn check(&self) -> Result<(), ProviderFault> {
        let Outcome { took, fault } = self.next();
        tokio::time::sleep(took).await;
        fault.map_or(Ok(()), Err)
    }
}

#[async_trait]
impl VerificationProvider for Mirrored {
    async fn start(&self, request: &CodeRequest) -> Result<ProviderId, StartError> {
        self.provider.start(request).await
    }

    async fn find(
        &self,
        reference: SendReference,
        phone: &PhoneNumber,
        channel: Channel,
    ) -> Result<Option<ProviderId>, ProviderFault> {
        self.provider.find(reference, phone, channel).await
    }

    async fn check(
        &self,
        verification: &StartedVerification,
        code: &Code,
    ) -> Result<CodeCheck, ProviderFault> {
        let begun = Instant::now();
        let answer = self.provider.check(verification, code).await;
        self.remember(Outcome { took: begun.elapsed(), fault: answer.as_ref().err().cloned() });
        answer
    }
}

#[cfg(test)]
mod tests {
    use ports::MockVerificationProvider;

    use super::*;

    const TYPICAL: Duration = Duration::from_millis(100);

    fn verification() -> StartedVerification {
        StartedVerification {
            id: ProviderId("verification".to_owned()),
            phone: PhoneNumber::from_stored("+46701234567").unwrap(),
            channel: Channel::Sms,
        }
    }

    async fn check(mirrored: &Mirrored) -> Result<CodeCheck, ProviderFault> {
        VerificationProvider::check(mirrored, &verification(), &Code::parse("123456").unwrap()).await
    }

    async fn time_of_decoy(mirrored: &Mirrored) -> (Duration, Result<(), ProviderFault>) {
        let begun = Instant::now();
        let answer = DecoyCodes::check(mirrored).await;
        (begun.elapsed(), answer)
    }

    struct Slow(Duration);

    #[async_trait]
    impl VerificationProvider for Slow {
        async fn start(&self, _: &CodeRequest) -> Result<ProviderId, StartError> {
            unreachable!("nothing is sent")
        }

        async fn find(
            &self,
            _: SendReference,
            _: &PhoneNumber,
            _: Channel,
        ) -> Result<Option<ProviderId>, ProviderFault> {
            unreachable!("nothing is looked up")
        }

        async fn check(&self, _: &StartedVerification, _: &Code) -> Result<CodeCheck, ProviderFault> {
            tokio::time::sleep(self.0).await;
            Ok(CodeCheck::Wrong)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn en_04_a_decoy_takes_as_long_as_a_check_lately_took() {
        let mirrored = Mirrored::new(Arc::new(Slow(Duration::from_millis(730))), TYPICAL);
        assert_eq!(time_of_decoy(&mirrored).await, (TYPICAL, Ok(())));

        assert_eq!(check(&mirrored).await, Ok(CodeCheck::Wrong));

        for _ in 0..3 {
            assert_eq!(time_of_decoy(&mirrored).await, (Duration::from_millis(730), Ok(())));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn en_04_a_decoy_fails_as_checks_lately_failed_and_recovers_with_them() {
        let mut provider = MockVerificationProvider::new();
        let away = || ProviderFault("away".to_owned());
        provider.expect_check().times(REMEMBERED).returning(move |_, _| Err(away()));
        provider.expect_check().returning(|_, _| Ok(CodeCheck::Wrong));
        let mirrored = Mirrored::new(Arc::new(provider), TYPICAL);
        for _ in 0..REMEMBERED {
            assert!(check(&mirrored).await.is_err());
        }
        assert_eq!(time_of_decoy(&mirrored).await.1, Err(away()));

        for _ in 0..REMEMBERED {
            assert!(check(&mirrored).await.is_ok());
        }
        assert_eq!(time_of_decoy(&mirrored).await.1, Ok(()));
    }
}
