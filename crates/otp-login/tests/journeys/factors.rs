//! Authenticator apps and recovery codes.

use std::fmt::Write;

use serde_json::{Value, json};

use super::account::MOVED;
use super::run::{Run, asked};
use crate::authenticator::AuthenticatorApp;
use crate::harness::{Reply, Request, Tokens};

impl Run {
    /// An app is enrolled, signs in, and is removed; so with recovery codes.
    pub fn factors(&mut self) {
        let tokens = self.signed_in(MOVED);
        let (app, codes) = self.enrolled(&tokens);
        let by_app = app.code(AuthenticatorApp::now());
        self.secret("code of an app", &by_app);
        self.signed_in_with("totp", &by_app);
        self.signed_in_with("recovery_code", &codes[0]);
        self.refused_with("recovery_code", &codes[0]);

        let renewed = asked(&self.empty_post("/api/v1/me/recovery-codes"), &tokens.access, 201);
        self.recovery_codes(&renewed);
        let removal = Request::delete(self.api().url("/api/v1/me/totp"));
        asked(&removal, &tokens.access, 204);
    }

    fn enrolled(&mut self, tokens: &Tokens) -> (AuthenticatorApp, Vec<String>) {
        let begun = asked(&self.empty_post("/api/v1/me/totp"), &tokens.access, 201);
        let app = AuthenticatorApp::scanned(&begun.json());
        self.secret("secret of an app", &begun.at("/secret"));
        let hex = app.key().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        self.secret("secret of an app in hex", &hex);
        let list: Vec<String> = app.key().iter().map(u8::to_string).collect();
        self.secret("secret of an app as a list", &list.join(", "));
        let wrong = app.wrong_code();
        self.secret("wrong code of an app", &wrong);
        asked(&self.confirmation(&wrong), &tokens.access, 422);
        // With the code of the step before, so that the one of now is still good.
        loop {
            let code = app.code(AuthenticatorApp::now() - 1);
            self.secret("code of an app", &code);
            let reply = self.confirmation(&code).bearer(&tokens.access).send().unwrap();
            if reply.status == 200 {
                return (app, self.recovery_codes(&reply));
            }
            assert_eq!(reply.status, 422, "{reply:?}");
        }
    }

    fn recovery_codes(&mut self, reply: &Reply) -> Vec<String> {
        let codes = reply.json()["recovery_codes"].as_array().unwrap().clone();
        let codes: Vec<String> = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        for code in &codes {
            self.secret("recovery code", code);
            self.secret("recovery code", &code.replace('-', ""));
        }
        codes
    }

    fn signed_in_with(&mut self, method: &str, code: &str) {
        let verified = self.answered_with(method, code);
        self.tokens(&verified);
    }

    fn refused_with(&mut self, method: &str, code: &str) {
        assert_eq!(self.answered_with(method, code).status, 401);
    }

    fn answered_with(&mut self, method: &str, code: &str) -> Reply {
        let login = self.api().log_in(MOVED);
        let challenge = self.challenge(&login);
        let answer = json!({"challenge_id": challenge, "method": method, "code": code});
        self.post("/api/v1/auth/otp/verify", &answer).send().unwrap()
    }

    fn confirmation(&self, code: &str) -> Request {
        self.post("/api/v1/me/totp/confirm", &json!({ "code": code }))
    }

    pub fn get(&self, path: &str) -> Request {
        Request::get(self.api().url(path))
    }

    pub fn post(&self, path: &str, body: &Value) -> Request {
        Request::post(self.api().url(path), body)
    }

    fn empty_post(&self, path: &str) -> Request {
        Request::post_text(self.api().url(path), "")
    }
}
