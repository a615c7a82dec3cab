//! What Sinch tells or asks by itself.

use std::sync::Arc;

use domain::{CallbackEvent, SendLabels};
use jiff::Timestamp;
use ports::{
    Callback, CallbackRefused, CallbackVerifier, Clock, Heard, MeteredStep, PresentedCallback,
    ProvenCallback, SendMeter, SendTraceStore,
};

use crate::{CurrentPrices, Fault};

/// Judges callbacks, answers what is asked and records what is told.
///
/// No callback signs anybody in, gives a guess or ends a challenge: it changes the trace of a message
/// and its figures, and nothing else.
pub struct HandleSinchCallback {
    pub clock: Arc<dyn Clock>,
    pub verifier: Arc<dyn CallbackVerifier>,
    pub traces: Arc<dyn SendTraceStore>,
    pub meter: Arc<dyn SendMeter>,
    pub prices: Arc<CurrentPrices>,
}

/// What Sinch is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackAnswer {
    /// The message may be sent.
    Allow,
    /// It may not: it is none of ours.
    Deny,
    /// It was heard.
    Heard,
}

/// Why a callback is not answered.
#[derive(Debug, thiserror::Error)]
pub enum HandleCallbackError {
    /// It is not the provider's, or not of this time.
    #[error(transparent)]
    Refused(#[from] CallbackRefused),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl HandleSinchCallback {
    /// What operators call the provider.
    pub const PROVIDER: &'static str = "sinch";

    /// Reads nothing of a callback that is not proven.
    #[tracing::instrument(name = "handle_sinch_callback", skip_all)]
    pub async fn execute(
        &self,
        presented: &PresentedCallback,
    ) -> Result<CallbackAnswer, HandleCallbackError> {
        let now = self.clock.now();
        let proven = self.verifier.verify(presented, now).inspect_err(|reason| {
            tracing::warn!(event = "authz_fail", %reason, "a callback is not accepted");
            self.meter.count_callback(match reason {
                CallbackRefused::Forged => "forged",
                CallbackRefused::OutOfTime => "out_of_time",
            });
        })?;
        match proven {
            ProvenCallback::Known(callback) => Ok(self.hear(self.priced(callback), now).await?),
            ProvenCallback::QuestionOfOthers => {
                self.count_foreign();
                Ok(CallbackAnswer::Deny)
            }
            ProvenCallback::Other => {
                self.meter.count_callback("ignored");
                Ok(CallbackAnswer::Heard)
            }
        }
    }

    /// Without a quote that does not count.
    fn priced(&self, callback: Callback) -> Callback {
        let quote = callback.quote.filter(|quote| self.prices.takes(*quote));
        if let (Some(dropped), None) = (callback.quote, quote) {
            let (amount, currency) = (dropped.amount().exact(), dropped.currency());
            tracing::debug!(%amount, %currency, "a quote does not count");
        }
        Callback { quote, ..callback }
    }

    async fn hear(&self, callback: Callback, now: Timestamp) -> Result<CallbackAnswer, Fault> {
        let is_question = callback.event == CallbackEvent::Request;
        let Heard::Ours { is_news, is_wanted, advanced, quoted } =
            self.traces.hear_callback(Self::PROVIDER, &callback, now).await?
        else {
            self.count_foreign();
            return Ok(if is_question { CallbackAnswer::Deny } else { CallbackAnswer::Heard });
        };
        self.meter.count_callback(if is_news { "heard" } else { "repeated" });
        if let Some(advance) = advanced {
            let country = advance.country.map(|country| country.as_str().to_owned()).unwrap_or_default();
            let labels = SendLabels { provider: Self::PROVIDER, channel: advance.channel, country };
            self.meter.count_step(&labels, MeteredStep::Came(advance.to));
        }
        if let Some(price) = quoted {
            self.prices.hear(price);
        }
        if !is_question {
            return Ok(CallbackAnswer::Heard);
        }
        Ok(if is_wanted { CallbackAnswer::Allow } else { CallbackAnswer::Deny })
    }

    fn count_foreign(&self) {
        tracing::warn!(event = "callback_of_others", "Sinch tells of a verification that is none of ours");
        self.meter.count_callback("not_ours");
    }
}
