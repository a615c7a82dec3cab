//! Callbacks of providers.

use std::num::NonZeroU32;

use domain::{
    Backlog, CallbackEvent, LimitOutage, LimitRuling, LimitStanding, PhoneNumber, ProviderId, RateLimit,
    SendReference,
};
use jiff::Timestamp;
use ports::{Callback, CallbackRefused, Heard, PresentedCallback, ProvenCallback};
use serde_json::json;
use use_cases::RequestLimit;
use uuid::Uuid;

use crate::answers::{is, outage};
use crate::support::{Answer, Service};
use crate::world::{PHONE, World};

const PATH: &str = "/webhooks/sinch";
const BODY: &str = "{\"event\": \"whatever\" }";
const HEADERS: [&str; 3] = [
    "Authorization: application key:signature",
    "X-Timestamp: 2024-06-04T13:41:58.1234567Z",
    "Content-Type: application/json; charset=utf-8",
];

fn callback(event: CallbackEvent) -> Callback {
    Callback {
        fingerprint: [7; 32],
        reference: Some(SendReference(Uuid::from_u128(5))),
        provider_id: ProviderId("1".to_owned()),
        phone: PhoneNumber::from_stored(PHONE).unwrap(),
        event,
        quote: None,
        said_at: Timestamp::UNIX_EPOCH,
    }
}

fn world(proven: Result<ProvenCallback, CallbackRefused>) -> World {
    let mut world = World::default();
    world.callbacks.expect_verify().returning(move |_, _| proven.clone());
    world.meter.expect_count_callback().return_const(());
    world
}

fn hearing(event: CallbackEvent, heard: Heard) -> World {
    let mut world = world(Ok(ProvenCallback::Known(callback(event))));
    world.send_traces.expect_hear_callback().returning(move |_, _, _| Ok(heard.clone()));
    world
}

fn call(world: World) -> Answer {
    Service::start(world).post_as(PATH, &HEADERS, BODY)
}

#[test]
fn wh_01_the_signature_is_judged_by_what_came_to_the_byte() {
    let mut world = World::default();
    let expected = PresentedCallback {
        authorization: Some("application key:signature".to_owned()),
        timestamp: Some("2024-06-04T13:41:58.1234567Z".to_owned()),
        content_type: "application/json; charset=utf-8".to_owned(),
        body: BODY.as_bytes().to_vec(),
    };
    world
        .callbacks
        .expect_verify()
        .withf(move |told, _| *told == expected)
        .once()
        .returning(|_, _| Ok(ProvenCallback::Other));
    world.meter.expect_count_callback().return_const(());
    let answer = call(world);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
}

#[test]
fn wh_01_whatever_is_not_signed_is_401_whatever_it_holds() {
    let service = Service::start(world(Err(CallbackRefused::Forged)));
    for body in ["", "{", "[]", BODY, "\u{0}"] {
        for headers in [&[][..], &["Content-Type: text/plain"], &HEADERS] {
            is(&service.post_as(PATH, headers, body), 401, "invalid-signature");
        }
    }
    is(&call(world(Err(CallbackRefused::OutOfTime))), 401, "invalid-signature");
}

#[test]
fn wh_01_forged_callbacks_count_for_their_address_and_right_ones_do_not() {
    let limit = RateLimit::per_minute(NonZeroU32::MIN, NonZeroU32::MIN);
    let limited = |world: World| World {
        forged_callbacks: Some(RequestLimit { limit, outage: LimitOutage::CountAlone }),
        ..world
    };
    let mut forged = limited(world(Err(CallbackRefused::Forged)));
    forged.limiter.expect_take().times(1).returning(|demands| {
        let used_up = Backlog::from_micros(demands[0].limit.capacity_micros());
        let standing = LimitStanding { limit: demands[0].limit, backlog: used_up };
        Ok(LimitRuling::of(false, vec![standing]))
    });
    is(&call(forged), 429, "rate-limited");
    // Nobody counts.
    assert_eq!(call(limited(world(Ok(ProvenCallback::Other)))).status, 200);
}

#[test]
fn wh_01_a_header_that_stands_twice_is_none() {
    let mut world = World::default();
    world
        .callbacks
        .expect_verify()
        .withf(|told, _| told.authorization.is_none() && told.timestamp.is_none())
        .once()
        .returning(|_, _| Err(CallbackRefused::Forged));
    world.meter.expect_count_callback().return_const(());
    let twice = [&HEADERS[..], &["Authorization: application key:other", "X-Timestamp: now"]].concat();
    is(&Service::start(world).post_as(PATH, &twice, BODY), 401, "invalid-signature");
}

#[test]
fn wh_02_a_question_is_answered_by_whether_the_message_is_ours() {
    let wanted = Heard::Ours { is_news: true, is_wanted: true, advanced: None, quoted: None };
    for (heard, action) in [(wanted, "allow"), (Heard::NotOurs, "deny")] {
        let answer = call(hearing(CallbackEvent::Request, heard));
        assert_eq!((answer.status, answer.json()), (200, json!({ "action": action })));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let answer = call(world(Ok(ProvenCallback::QuestionOfOthers)));
    assert_eq!((answer.status, answer.json()), (200, json!({ "action": "deny" })));
}

#[test]
fn what_is_told_is_answered_with_nothing() {
    let told = CallbackEvent::Receipt { is_delivered: true };
    let heard = Heard::Ours { is_news: true, is_wanted: true, advanced: None, quoted: None };
    for heard in [heard, Heard::NotOurs] {
        let answer = call(hearing(told, heard));
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
    }
}

#[test]
fn without_the_database_nothing_is_allowed() {
    let mut world = world(Ok(ProvenCallback::Known(callback(CallbackEvent::Request))));
    world.send_traces.expect_hear_callback().returning(|_, _, _| Err(outage()));
    is(&call(world), 503, "database-unavailable");
}

#[test]
fn a_large_callback_is_not_read() {
    let service = Service::start(world(Err(CallbackRefused::Forged)));
    is(&service.post_as(PATH, &HEADERS, "x".repeat(17_000)), 413, "payload-too-large");
}

#[test]
fn where_sinch_sends_no_codes_there_are_no_callbacks() {
    let service = Service::start(World { without_sinch: true, ..World::default() });
    is(&service.post_as(PATH, &HEADERS, BODY), 404, "not-found");
    assert!(!service.get("/openapi.json").text().contains(PATH));
}
