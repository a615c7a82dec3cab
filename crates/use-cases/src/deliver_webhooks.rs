//! Telling the product what happened.

use std::{error::Error, sync::Arc};

use domain::{EndpointName, RetrySchedule};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, DueDelivery, StoreError, Subscription, WebhookFault, WebhookSender, WebhookStore};

use crate::deliver_notices::{jitter, later};

/// Makes out the deliveries of events to the endpoints that want them.
pub struct FanOutEvents {
    pub clock: Arc<dyn Clock>,
    pub webhooks: Arc<dyn WebhookStore>,
    pub subscriptions: Vec<Subscription>,
}

impl FanOutEvents {
    const AT_ONCE: u32 = 100;
    /// What is older is history when an endpoint first hears of it.
    const FRESH_FOR: SignedDuration = SignedDuration::from_hours(72);

    /// Does so for the oldest events; whether there may be more.
    #[tracing::instrument(name = "fan_out_events", level = "debug", skip_all)]
    pub async fn execute(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let since = now.checked_sub(Self::FRESH_FOR).unwrap_or(Timestamp::MIN);
        let events = self.webhooks.fan_out(&self.subscriptions, since, Self::AT_ONCE, now).await?;
        Ok(events >= u64::from(Self::AT_ONCE))
    }
}

/// Delivers events to one endpoint.
///
/// Takes, delivers, settles: a crash between delivering and settling delivers an event twice,
/// after its lease and under the same id; nothing delivers it never.
pub struct DeliverWebhooks {
    pub clock: Arc<dyn Clock>,
    pub webhooks: Arc<dyn WebhookStore>,
    pub sender: Arc<dyn WebhookSender>,
    pub endpoint: EndpointName,
}

impl DeliverWebhooks {
    /// Deliveries under way to the endpoint at one time.
    const AT_ONCE: u32 = 8;
    /// How long a delivery belongs to whoever took it: far longer than one may take.
    const LEASE: SignedDuration = SignedDuration::from_mins(1);

    /// Delivers what is due, at most a handful; whether there may be more.
    #[tracing::instrument(name = "deliver_webhooks", level = "debug", skip_all)]
    pub async fn execute(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let leased_until = later(now, Self::LEASE);
        let due = self.webhooks.claim_deliveries(&self.endpoint, Self::AT_ONCE, leased_until, now).await?;
        let delivered = join_all(due.iter().map(|due| self.deliver(due))).await;
        delivered.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(due.len() >= usize::try_from(Self::AT_ONCE).unwrap_or(usize::MAX))
    }

    async fn deliver(&self, due: &DueDelivery) -> Result<(), StoreError> {
        let fault = match self.sender.deliver(&self.endpoint, &due.event).await {
            Ok(()) => return self.webhooks.finish_delivery(due).await,
            Err(fault) => fault,
        };
        let pause = match &fault {
            WebhookFault::Gone => None,
            WebhookFault::Refused(_)
            | WebhookFault::TimedOut
            | WebhookFault::Unreachable(_)
            | WebhookFault::Unknown => RetrySchedule::WEBHOOKS.pause_after(due.attempt, jitter(due.event.id)),
        };
        let (endpoint, event_id, attempt) = (&self.endpoint, due.event.id.0, due.attempt);
        let now = self.clock.now();
        if let Some(pause) = pause {
            self.webhooks.put_off_delivery(due, &fault.to_string(), later(now, pause)).await?;
            tracing::warn!(%endpoint, %event_id, attempt, error = &fault as &dyn Error, "a webhook did not arrive; it is tried again");
            return Ok(());
        }
        self.webhooks.bury_delivery(due, &fault.to_string(), now).await?;
        tracing::error!(event = "webhook_given_up", %endpoint, %event_id, attempt, error = &fault as &dyn Error);
        Ok(())
    }
}
