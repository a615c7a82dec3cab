//! Signing up and in, and what goes wrong on the way.

use serde_json::Value;

use super::run::{ANN, Run, WRONG_PASSWORD};
use crate::harness::{Person, Request};

impl Run {
    /// A sign-up, a sign-in and everything that goes wrong on the way.
    pub fn sign_in_with_mishaps(&mut self) {
        let api = self.api();
        let registered = api.register(ANN);
        assert_eq!(registered.status, 201, "{registered:?}");
        let challenge = self.challenge(&registered);
        let code = self.code(ANN.phone);
        for wrong in ["918273", "637281"] {
            if code != wrong {
                self.secret("wrong code", wrong);
                assert_eq!(api.verify(&challenge, wrong).status, 401);
            }
        }
        let verified = api.verify(&challenge, &code);
        let tokens = self.tokens(&verified);
        assert_eq!(api.verify(&challenge, &code).status, 410);
        assert_eq!(api.me(&tokens.access).status, 200);
        let refreshed = api.refresh(&tokens.refresh);
        let tokens = self.tokens(&refreshed);
        assert_eq!(api.log_in_with(ANN, WRONG_PASSWORD).status, 401);

        let login = api.log_in(ANN);
        let challenge = self.challenge(&login);
        assert!([200, 429].contains(&api.request_otp(&challenge).status));
        let code = self.code(ANN.phone);
        let verified = api.verify(&challenge, &code);
        let last = self.tokens(&verified);
        assert_eq!(api.log_out(&last.access).status, 204);
        assert_eq!(api.me(&last.access).status, 401);
        assert_eq!(api.me(&tokens.access).status, 200);
        api.refresh(&last.refresh);
    }

    /// Every fault of the provider, by its magic numbers.
    pub fn provider_faults(&mut self) {
        let numbers = Request::get(self.simulator("/magic-numbers")).send().unwrap().json();
        let numbers: Vec<String> = numbers
            .get("magic_numbers")
            .and_then(Value::as_array)
            .unwrap()
            .iter()
            .filter_map(|magic| magic.get("number")?.as_str().map(str::to_owned))
            .collect();
        assert!(numbers.len() > 20);
        for number in numbers {
            self.phone(&number);
            let number: &'static str = number.leak();
            let reply = self.api().register(Person { phone: number, ..ANN });
            if reply.status == 201 {
                let challenge = self.challenge(&reply);
                let code = self.codes(number).first().cloned().unwrap_or("736251".to_owned());
                self.secret("code", &code);
                self.api().verify(&challenge, &code);
            }
        }
    }

    /// Input that nobody understands, with secrets inside.
    pub fn misunderstandings(&self) {
        let api = self.api();
        let auth = |path: &str| api.url(&format!("/api/v1/auth/{path}"));
        let token = "Bearer hidden-in-a-bearer-token";
        for request in [
            Request::post_text(
                auth("login"),
                "{\"email\":\"Ann.Unmistakable@Example.com\",\"password\":\"hidden-in-broken-json",
            ),
            Request::post_text(
                auth("login"),
                "{\"email\":[\"hidden-in-a-wrong-type\"],\"password\":{\"a\":\"hidden-in-a-wrong-type\"}}",
            ),
            Request::post_text(
                auth("register"),
                "{\"email\":\"hidden-in-a-wrong-type\",\"password\":\"x\",\"phone_number\":\"0701740605\"}",
            ),
            Request::post_text(
                auth("otp/verify"),
                "{\"challenge_id\":\"hidden-in-a-wrong-type\",\"code\":918273}",
            ),
            Request::post_text(
                auth("otp/verify"),
                "{\"challenge_id\":\"hidden-in-a-wrong-type\",\"code\":\"91 82 73\"}",
            ),
            Request::post_text(auth("token/refresh"), "{\"refresh_token\":\"hidden-in-a-wrong-type\"}"),
            Request::post_text(auth("login"), "hidden-in-broken-json ".repeat(2000)),
            Request::get(api.url("/api/v1/hidden-in-the-path?password=hidden-in-the-query")),
            Request::get(api.url("/api/v1/me?access_token=hidden-in-the-query")),
            Request::get(api.url("/api/v1/me")).header("authorization", token),
            Request::get(api.url("/api/v1/me"))
                .header("authorization", "Basic aGlkZGVuLWluLWEtYmVhcmVyLXRva2Vu"),
            Request::get(api.url("/api/v1/me")).header("cookie", "session=hidden-in-a-cookie"),
            Request::get(api.url("/health")).header("user-agent", "hidden-in-a-cookie"),
            Request::delete(api.url("/api/v1/auth/login/hidden-in-the-path")),
        ] {
            let _ = request.send();
        }
    }
}
