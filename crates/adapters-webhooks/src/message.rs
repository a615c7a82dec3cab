//! What an endpoint reads.

use jiff::Timestamp;
use ports::WebhookEvent;
use serde::Serialize;
use uuid::Uuid;

/// The type of messages that `otp-login webhooks test` sends.
const TEST: &str = "webhook_test";

/// A message and the id under which a receiver recognises repetitions.
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: Timestamp,
    data: Data,
}

/// Ids only: whoever wants more asks for it, with the right to.
#[expect(clippy::struct_field_names, reason = "the names that endpoints read")]
#[derive(Serialize)]
struct Data {
    event_id: Uuid,
    user_id: Option<Uuid>,
    session_id: Option<Uuid>,
}

impl Message {
    pub(crate) fn of(event: &WebhookEvent) -> Self {
        let data = Data {
            event_id: event.id.0,
            user_id: Some(event.user_id.0),
            session_id: event.session_id.map(|id| id.0),
        };
        Self::new(event.name.as_str(), event.occurred_at, data)
    }

    /// A message about nothing.
    pub(crate) fn test(id: Uuid, now: Timestamp) -> Self {
        Self::new(TEST, now, Data { event_id: id, user_id: None, session_id: None })
    }

    #[expect(clippy::expect_used, reason = "texts, ids and times under text keys always have a JSON form")]
    fn new(kind: &str, timestamp: Timestamp, data: Data) -> Self {
        let id = data.event_id.to_string();
        let body = serde_json::to_vec(&Body { r#type: kind, timestamp, data }).expect("plain texts");
        Self { id, body }
    }
}

#[cfg(test)]
mod tests {
    use domain::{EventId, EventName, SessionId, UserId};

    use super::*;

    #[test]
    fn a_message_holds_ids_and_a_time() {
        let mut event = WebhookEvent {
            id: EventId(Uuid::from_u128(1)),
            name: EventName::UserCreated,
            user_id: UserId(Uuid::from_u128(2)),
            session_id: Some(SessionId(Uuid::from_u128(3))),
            occurred_at: "2026-03-14T15:09:26.535897Z".parse().unwrap(),
        };
        let text = |event: &WebhookEvent| String::from_utf8(Message::of(event).body).unwrap();
        let id = |n: u8| format!("00000000-0000-0000-0000-00000000000{n}");
        assert_eq!(
            text(&event),
            format!(
                r#"{{"type":"user_created","timestamp":"2026-03-14T15:09:26.535897Z","data":{{"event_id":"{}","user_id":"{}","session_id":"{}"}}}}"#,
                id(1),
                id(2),
                id(3)
            )
        );
        assert_eq!(Message::of(&event).id, id(1));
        event.session_id = None;
        assert!(text(&event).ends_with(r#""session_id":null}}"#));
        let about_nothing = Message::test(Uuid::from_u128(4), event.occurred_at);
        assert!(
            String::from_utf8(about_nothing.body)
                .unwrap()
                .starts_with(r#"{"type":"webhook_test","timestamp""#)
        );
    }
}
