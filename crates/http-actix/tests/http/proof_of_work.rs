//! The work that clients prove under suspicion.

use domain::{RuleMode, WorkDemand, WorkRule};
use jiff::SignedDuration;
use ports::{Starts, UnprovenWork};
use serde_json::json;

use crate::answers::is;
use crate::support::{Answer, Service, registration};
use crate::world::{World, now};

const FORGOT: &str = "/api/v1/auth/password/forgot";
const OTP_START: &str = "/api/v1/auth/otp/start";
const REGISTER: &str = "/api/v1/auth/register";

/// Strangers registered a lot in this hour, and the answer to "puzzle" is 42.
fn suspicious(starts: u64, is_fresh: bool) -> World {
    let mut world = World::that_sends();
    world.passwordless = true;
    world.work = WorkRule { mode: RuleMode::Block, bits: 18, starts_per_hour: Some(100) };
    world
        .shield
        .expect_count_start()
        .returning(move |_, _| Ok(Starts { in_hour: starts, ..Starts::default() }));
    world.shield.expect_spend_puzzle().returning(move |puzzle, _| Ok(puzzle == "puzzle" && is_fresh));
    world.puzzles.expect_check().returning(|proof, at| {
        if proof.text() == "puzzle:42" { Ok(at + WorkRule::LIFE) } else { Err(UnprovenWork) }
    });
    world.puzzles.expect_pose().returning(|bits, at| WorkDemand {
        puzzle: "another".to_owned(),
        bits,
        expires_at: at + SignedDuration::from_mins(10),
    });
    world
}

fn register(world: World, headers: &[&str]) -> Answer {
    let headers = [&["content-type: application/json"], headers].concat();
    Service::start(world).send("POST", REGISTER, &headers, registration())
}

#[test]
fn sm_10_under_suspicion_a_puzzle_is_posed_before_anything_is_sent() {
    let starts = [
        (REGISTER, registration()),
        (FORGOT, json!({"email": "ann@example.com"}).to_string()),
        (OTP_START, json!({"phone_number": "+46701740605"}).to_string()),
    ];
    for (path, body) in starts {
        let demanded = Service::start(suspicious(100, true)).post(path, body);
        is(&demanded, 403, "proof-of-work-required");
        let expires_at = (now() + SignedDuration::from_mins(10)).to_string();
        let puzzle =
            json!({"puzzle": "another", "algorithm": "sha-256", "bits": 18, "expires_at": expires_at});
        assert_eq!(demanded.json()["proof_of_work"], puzzle, "{path}");
    }
}

#[test]
fn sm_10_a_right_answer_counts_once() {
    assert_eq!(register(suspicious(100, true), &["Proof-Of-Work: puzzle:42"]).status, 201);
    let used = register(suspicious(100, false), &["Proof-Of-Work: puzzle:42"]);
    is(&used, 403, "proof-of-work-required");
    let wrong = register(suspicious(100, true), &["Proof-Of-Work: puzzle:43"]);
    is(&wrong, 403, "proof-of-work-required");
}

#[test]
fn sm_10_without_suspicion_no_work_is_asked_for() {
    assert_eq!(register(suspicious(99, true), &[]).status, 201);
}

#[test]
fn sm_10_what_is_no_proof_is_said() {
    let answer = register(suspicious(100, true), &["Proof-Of-Work: 42"]);
    is(&answer, 400, "malformed-request");
    assert!(answer.json()["detail"].as_str().unwrap().contains("Proof-Of-Work"));
}
