//! Sessions: refresh, logout, `GET /api/v1/me` and what it takes to be let in.

use std::collections::BTreeSet;

use serde_json::json;

use crate::client::{Database, LOG_OUT, ME, REFRESH, Request, Service, Tokens, until};

on_both_databases!(
    a_refresh_spends_the_old_token_and_returns_new_ones,
    tk_06_a_spent_token_inside_the_leeway_leaves_the_session_one_live_successor,
    tk_06_a_spent_token_after_the_leeway_ends_the_whole_session,
    tk_06_a_copied_token_ends_its_own_session_only,
    tk_06_a_repeat_inside_the_leeway_never_stretches_it,
    a_session_that_is_not_refreshed_ends,
    d_20_the_oldest_session_ends_when_there_are_too_many,
    asvs_7_4_1_after_a_logout_both_tokens_are_refused_at_once,
    a_logout_ends_no_other_session,
    tk_05_only_a_single_bearer_header_lets_anybody_in,
    asvs_9_2_2_no_other_secret_is_an_access_token_or_a_refresh_token,
    refresh_tokens_of_the_wrong_form_are_refused,
    an_access_token_ends_with_its_time,
    sessions_and_keys_survive_a_restart,
);

fn a_refresh_spends_the_old_token_and_returns_new_ones(database: Database) {
    let service = Service::start(database);
    let (person, mut tokens) = service.signed_up();
    let mut seen = BTreeSet::from([tokens.refresh_token.clone(), tokens.access_token.clone()]);
    for _ in 0..3 {
        let fresh: Tokens = service.refresh(&tokens.refresh_token).expect(200);
        assert!(seen.insert(fresh.refresh_token.clone()) && seen.insert(fresh.access_token.clone()));
        assert_eq!((fresh.token_type.as_str(), fresh.expires_in), ("Bearer", 900));
        assert_eq!(fresh.user, tokens.user);
        assert_eq!(service.user(&fresh.access_token).email, person.email);
        tokens = fresh;
    }
}

fn tk_06_a_spent_token_inside_the_leeway_leaves_the_session_one_live_successor(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let first: Tokens = service.refresh(&tokens.refresh_token).expect(200);
    let again = service.refresh(&tokens.refresh_token);
    assert!([200, 401].contains(&again.status), "{}", again.text());
    let mut candidates = vec![first.refresh_token];
    if again.status == 200 {
        candidates.push(again.expect::<Tokens>(200).refresh_token);
    }
    let live = candidates.iter().filter(|token| service.refresh(token).status == 200).count();
    assert_eq!(live, 1);
    service.user(&first.access_token);
}

fn tk_06_a_spent_token_after_the_leeway_ends_the_whole_session(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__SESSIONS__REFRESH_REUSE_LEEWAY_SECONDS", "0")]);
    let (_, tokens) = service.signed_up();
    let second: Tokens = service.refresh(&tokens.refresh_token).expect(200);
    let third: Tokens = service.refresh(&second.refresh_token).expect(200);
    service.refresh(&tokens.refresh_token).refusal(401, "invalid-token");
    service.refresh(&third.refresh_token).refusal(401, "invalid-token");
    for tokens in [tokens, second, third] {
        service.me(&tokens.access_token).refusal(401, "invalid-token");
    }
}

fn tk_06_a_copied_token_ends_its_own_session_only(database: Database) {
    let settings = [
        ("OTP_LOGIN__SESSIONS__REFRESH_REUSE_LEEWAY_SECONDS", "0"),
        ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"),
    ];
    let service = Service::with(database, &settings);
    let (person, copied) = service.signed_up();
    let other = service.signed_in(&person);
    let stranger = service.signed_up().1;
    let _: Tokens = service.refresh(&copied.refresh_token).expect(200);
    service.refresh(&copied.refresh_token).refusal(401, "invalid-token");
    for untouched in [other, stranger] {
        service.user(&untouched.access_token);
        service.refresh(&untouched.refresh_token).assert_status(200);
    }
}

fn tk_06_a_repeat_inside_the_leeway_never_stretches_it(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__SESSIONS__REFRESH_REUSE_LEEWAY_SECONDS", "1")]);
    let (_, tokens) = service.signed_up();
    let fresh: Tokens = service.refresh(&tokens.refresh_token).expect(200);
    // Asked every few milliseconds; were each a new beginning, it would never end.
    until("the end of the session", || {
        service.refresh(&tokens.refresh_token);
        (service.me(&fresh.access_token).status == 401).then_some(())
    });
}

fn a_session_that_is_not_refreshed_ends(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__SESSIONS__REFRESH_TTL_SECONDS", "2")]);
    let (_, tokens) = service.signed_up();
    assert_eq!(tokens.refresh_expires_in, 2);
    assert!(tokens.expires_in <= 2, "an access token never outlives its session");
    until("the end of the session", || (service.me(&tokens.access_token).status == 401).then_some(()));
    service.refresh(&tokens.refresh_token).refusal(401, "invalid-token");
}

fn d_20_the_oldest_session_ends_when_there_are_too_many(database: Database) {
    let settings =
        [("OTP_LOGIN__SESSIONS__MAX_PER_USER", "2"), ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0")];
    let service = Service::with(database, &settings);
    let (person, first) = service.signed_up();
    let second = service.signed_in(&person);
    service.user(&first.access_token);
    let third = service.signed_in(&person);
    service.me(&first.access_token).refusal(401, "invalid-token");
    service.refresh(&first.refresh_token).refusal(401, "invalid-token");
    service.user(&second.access_token);
    service.user(&third.access_token);
}

fn asvs_7_4_1_after_a_logout_both_tokens_are_refused_at_once(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    service.user(&tokens.access_token);
    let answer = service.log_out(&tokens.access_token);
    assert_eq!((answer.status, answer.text()), (204, ""));
    service.me(&tokens.access_token).refusal(401, "invalid-token");
    service.refresh(&tokens.refresh_token).refusal(401, "invalid-token");
    service.log_out(&tokens.access_token).refusal(401, "invalid-token");
}

fn a_logout_ends_no_other_session(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, first) = service.signed_up();
    let second = service.signed_in(&person);
    service.log_out(&first.access_token).assert_status(204);
    service.user(&second.access_token);
    service.refresh(&second.refresh_token).assert_status(200);
}

fn tk_05_only_a_single_bearer_header_lets_anybody_in(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let token = tokens.access_token;
    let good = format!("Bearer {token}");
    let query = format!("{ME}?access_token={token}");
    let refused = [
        Request::get(ME),
        Request::get(ME).header("authorization", ""),
        Request::get(ME).header("authorization", "Bearer"),
        Request::get(ME).header("authorization", &token),
        Request::get(ME).header("authorization", &format!("Basic {token}")),
        Request::get(ME).header("authorization", &format!("Bearer {token} {token}")),
        Request::get(ME).header("authorization", &format!("Bearer {token},Bearer {token}")),
        Request::get(ME).header("authorization", &good).header("authorization", &good),
        Request::get(ME).header("authorization", &good).header("authorization", "Basic eDp5"),
        Request::get(ME).header("cookie", &format!("access_token={token}")),
        Request::get(ME).header("x-access-token", &token),
        Request::get(&query),
        Request::get(&query).header("authorization", &good),
        Request::post(LOG_OUT)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("access_token={token}")),
        Request::post(LOG_OUT).json(&json!({ "access_token": token })),
    ];
    for request in refused {
        service.send(&request).refusal(401, "invalid-token");
    }
    for scheme in ["Bearer", "bearer", "BEARER"] {
        service
            .send(&Request::get(ME).header("authorization", &format!("{scheme} {token}")))
            .assert_status(200);
    }
}

fn asvs_9_2_2_no_other_secret_is_an_access_token_or_a_refresh_token(database: Database) {
    let service = Service::without_cooldown(database);
    let (person, tokens) = service.signed_up();
    let challenge = service.challenged(&person);
    for secret in [&tokens.refresh_token, &challenge.id, &service.code(&person.phone)] {
        service.me(secret).refusal(401, "invalid-token");
        service.log_out(secret).refusal(401, "invalid-token");
    }
    for secret in [&tokens.access_token, &challenge.id] {
        service.refresh(secret).refusal(401, "invalid-token");
    }
    service.user(&tokens.access_token);
    service.refresh(&tokens.refresh_token).assert_status(200);
}

fn refresh_tokens_of_the_wrong_form_are_refused(database: Database) {
    let service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let unknown = "A".repeat(43);
    let padded = format!("{}=", tokens.refresh_token);
    let spaced = format!(" {}", tokens.refresh_token);
    for token in [unknown.as_str(), &padded, &spaced, "", "x", "a\0b", &"x".repeat(5000)] {
        service.refresh(token).refusal(401, "invalid-token");
    }
    for body in [
        json!({}),
        json!({ "refresh_token": null }),
        json!({ "refresh_token": 1 }),
        json!({ "refresh_token": ["x"] }),
    ] {
        assert_eq!(service.post(REFRESH, &body).refused_fields()[0].0, "/refresh_token", "{body}");
    }
    service.refresh(&tokens.refresh_token).assert_status(200);
}

fn an_access_token_ends_with_its_time(database: Database) {
    let service = Service::with(database, &[("OTP_LOGIN__JWT__ACCESS_TTL_SECONDS", "1")]);
    let (_, tokens) = service.signed_up();
    assert_eq!(tokens.expires_in, 1);
    // The clocks of two replicas may differ by 5 s.
    let begun = std::time::Instant::now();
    until("the end of the token", || (service.me(&tokens.access_token).status == 401).then_some(()));
    assert!(begun.elapsed().as_secs() <= 8);
    let fresh: Tokens = service.refresh(&tokens.refresh_token).expect(200);
    service.user(&fresh.access_token);
}

fn sessions_and_keys_survive_a_restart(database: Database) {
    let mut service = Service::start(database);
    let (_, tokens) = service.signed_up();
    let keys = service.get("/.well-known/jwks.json").json();
    service.server.restart();
    assert_eq!(service.get("/.well-known/jwks.json").json(), keys);
    assert_eq!(service.user(&tokens.access_token), tokens.user);
    service.refresh(&tokens.refresh_token).assert_status(200);
}
