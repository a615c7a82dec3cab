//! What the phones received.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;

use crate::bounded::BoundedMap;
use crate::fault::Operation;
use crate::verification::{Method, Verification};
use crate::wording::Language;

/// One message, as a person holding the phone sees it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Message {
    /// The id of the verification or batch that it belongs to.
    pub(crate) id: String,
    /// E.164.
    pub(crate) number: String,
    /// `sms`, `voice`, `flashcall` or `whatsapp`.
    pub(crate) channel: &'static str,
    /// What to type in; none in a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    pub(crate) text: String,
    pub(crate) received_at: Timestamp,
}

impl Message {
    /// What reaches the phone's owner; a seamless verification sends nothing.
    pub(crate) fn about(verification: &Verification, language: Language) -> Option<Self> {
        let code = &verification.code;
        let (channel, text) = match verification.method {
            Method::Sms => ("sms", language.text(code)),
            Method::Whatsapp => ("whatsapp", language.text(code)),
            Method::Callout => ("voice", language.text(code)),
            Method::Flashcall => ("flashcall", format!("Missed call from +{code}")),
            Method::Seamless => return None,
        };
        Some(Self {
            id: verification.id.clone(),
            number: verification.number.clone(),
            channel,
            code: Some(code.clone()),
            text,
            received_at: to_the_millisecond(verification.created_at),
        })
    }

    /// A text without a code.
    pub(crate) fn text(id: &str, number: &str, text: &str, now: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            number: number.to_owned(),
            channel: "sms",
            code: None,
            text: text.to_owned(),
            received_at: to_the_millisecond(now),
        }
    }
}

/// Nobody reads a message's nanoseconds.
fn to_the_millisecond(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}

/// The latest messages of all phones.
pub(crate) struct Inbox {
    newest_first: VecDeque<Message>,
    capacity: usize,
    revision: u64,
}

impl Inbox {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { newest_first: VecDeque::new(), capacity, revision: 0 }
    }

    pub(crate) fn deliver(&mut self, message: Message) {
        self.newest_first.push_front(message);
        self.newest_first.truncate(self.capacity);
        self.revision += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.newest_first = VecDeque::new();
        self.revision += 1;
    }

    /// Changes whenever the messages do.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Newest first; of one phone, or of all.
    pub(crate) fn messages(&self, number: Option<&str>, limit: usize) -> Vec<Message> {
        let wanted = |message: &&Message| number.is_none_or(|number| message.number == number);
        self.newest_first.iter().filter(wanted).take(limit).cloned().collect()
    }
}

/// How often one number was asked for.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) starts: u64,
    pub(crate) messages: u64,
    pub(crate) reports: u64,
    pub(crate) statuses: u64,
}

/// Requests and messages by number, so that tests can assert what was *not*
/// sent.
pub(crate) struct Traffic(BoundedMap<Counts>);

impl Traffic {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(BoundedMap::new(capacity))
    }

    pub(crate) fn count_request(&mut self, operation: Operation, number: &str) {
        self.change(number, |counts| match operation {
            Operation::Start => counts.starts += 1,
            Operation::Report => counts.reports += 1,
            Operation::Status => counts.statuses += 1,
        });
    }

    pub(crate) fn count_message(&mut self, number: &str) {
        self.change(number, |counts| counts.messages += 1);
    }

    /// Of one number, or of all.
    pub(crate) fn of(&self, number: Option<&str>) -> Vec<(String, Counts)> {
        let wanted = |(key, _): &(&String, &Counts)| number.is_none_or(|number| key.as_str() == number);
        self.0.iter().filter(wanted).map(|(key, counts)| (key.clone(), *counts)).collect()
    }

    fn change(&mut self, number: &str, change: impl FnOnce(&mut Counts)) {
        if let Some(counts) = self.0.get_mut(number) {
            return change(counts);
        }
        let mut counts = Counts::default();
        change(&mut counts);
        self.0.insert(number.to_owned(), counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inbox_forgets_the_oldest_message() {
        let mut inbox = Inbox::new(3);
        for n in 0..100 {
            inbox.deliver(Message {
                id: n.to_string(),
                number: "+46701234567".to_owned(),
                channel: "sms",
                code: Some("0123".to_owned()),
                text: String::new(),
                received_at: Timestamp::UNIX_EPOCH,
            });
        }
        let ids: Vec<String> = inbox.messages(None, 10).into_iter().map(|message| message.id).collect();
        assert_eq!(ids, ["99", "98", "97"]);
        assert_eq!(inbox.revision(), 100);
    }

    #[test]
    fn counts_are_kept_for_a_bounded_number_of_numbers() {
        let mut traffic = Traffic::new(5);
        for n in 0..100 {
            traffic.count_request(Operation::Start, &n.to_string());
        }
        assert_eq!(traffic.of(None).len(), 5);
        assert_eq!(traffic.of(Some("99")).first().unwrap().1.starts, 1);
    }
}
