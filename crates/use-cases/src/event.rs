//! What is recorded of an act.

use domain::{Client, EventId, EventName};
use jiff::Timestamp;
use ports::{NewEvent, SecretGenerator};

/// An event for the store to record with the act.
pub(crate) fn event(
    secrets: &dyn SecretGenerator,
    name: EventName,
    client: Client,
    now: Timestamp,
) -> NewEvent {
    NewEvent { id: EventId(secrets.id(now)), name, client, notify: None }
}
