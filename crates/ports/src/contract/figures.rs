//! Figures of all messages.

use domain::{Channel, FigureDimension, FigureGroup, FigureWindow, PhoneNumber, Purpose, Settlement};

use super::{
    Stores,
    fixtures::{hour, minute, phone, start},
    message_steps::{PROVIDER, message, second},
};
use crate::NewSendTrace;

pub async fn conversions_are_those_of_people_who_had_proven_a_password(stores: &Stores) {
    let entered = stores.sent_message(1).await;
    assert!(stores.enter(&entered, second(20)).await.is_some());
    stores.sent_message(2).await;
    let of_a_stranger = NewSendTrace { purpose: Purpose::Registration, ..message(phone(3)) };
    let by_another = NewSendTrace { provider: "twilio", ..message(phone(4)) };
    let later = message(phone(5));
    for (message, at) in [(&of_a_stranger, start()), (&by_another, start()), (&later, hour(1))] {
        stores.begin_message(message, at).await;
        let settled = stores
            .send_traces
            .settle_trace(message.reference, message.provider, Settlement::Sent, None, at)
            .await;
        settled.expect("settle_trace");
    }
    let refused = message(phone(6));
    stores.begin_message(&refused, start()).await;
    stores.settle_as(&refused, Settlement::Fault, second(1)).await;

    let listed = stores.send_traces.list_conversions(start(), hour(1)).await.expect("list_conversions");

    let mut told: Vec<_> =
        listed.iter().map(|it| (it.provider.as_str(), it.country.as_str(), it.sent, it.entered)).collect();
    told.sort_unstable();
    assert_eq!(told, [(PROVIDER, "SE", 2, 1), ("twilio", "SE", 1, 0)]);
}

pub async fn figures_are_told_apart_by_what_is_asked_for(stores: &Stores) {
    let norwegian = PhoneNumber::from_stored("+4740612345").unwrap();
    let spoken = NewSendTrace { channel: Channel::Voice, ..message(phone(1)) };
    let by_another = NewSendTrace { provider: "twilio", ..message(norwegian) };
    for message in [&message(phone(2)), &spoken, &by_another] {
        stores.begin_message(message, start()).await;
    }
    let window = FigureWindow::last_hours(1, minute(30));
    let groups = async |by: &[FigureDimension]| {
        let cells = stores.figures(by, window, 100).await;
        let mut groups: Vec<(FigureGroup, u64)> =
            cells.into_iter().map(|cell| (cell.group, cell.figures.sent)).collect();
        groups.sort();
        groups
    };
    let group = |country: &str, channel: &str, provider: &str| FigureGroup {
        country: country.to_owned(),
        channel: channel.to_owned(),
        provider: provider.to_owned(),
        prefix: String::new(),
    };

    assert_eq!(groups(&[]).await, [(FigureGroup::default(), 3)]);
    assert_eq!(
        groups(&[FigureDimension::Country]).await,
        [(group("NO", "", ""), 1), (group("SE", "", ""), 2)]
    );
    assert_eq!(
        groups(&[FigureDimension::Channel, FigureDimension::Provider]).await,
        [(group("", "sms", "sinch"), 1), (group("", "sms", "twilio"), 1), (group("", "voice", "sinch"), 1)]
    );
    let prefixes = groups(&[FigureDimension::Prefix]).await;
    assert!(prefixes.iter().any(|(group, _)| group.prefix == by_another.prefix().as_str()), "{prefixes:?}");
}

pub async fn figures_come_in_steps_and_the_largest_groups_first(stores: &Stores) {
    let norwegian = message(PhoneNumber::from_stored("+4740612345").unwrap());
    stores.begin_message(&message(phone(1)), hour(-30)).await;
    stores.begin_message(&message(phone(2)), hour(-2)).await;
    stores.begin_message(&message(phone(3)), hour(0)).await;
    stores.begin_message(&norwegian, hour(0)).await;
    let steps = async |hours: u32, most: u32| {
        let window = FigureWindow::last_hours(hours, minute(5));
        let cells = stores.figures(&[FigureDimension::Country], window, most).await;
        let mut steps: Vec<(String, u32, u64)> =
            cells.into_iter().map(|cell| (cell.group.country, cell.point, cell.figures.sent)).collect();
        steps.sort();
        steps
    };

    let of_sweden = [("SE".to_owned(), 0, 1), ("SE".to_owned(), 2, 1)];
    assert_eq!(steps(3, 1).await, of_sweden, "the largest group only");
    let of_norway = ("NO".to_owned(), 2, 1);
    assert_eq!(steps(3, 2).await, [&[of_norway][..], &of_sweden[..]].concat());
    // In steps of two hours: the hour before the last begins a step of its own.
    assert_eq!(steps(31, 1).await.iter().map(|(_, _, sent)| sent).sum::<u64>(), 3);
}
