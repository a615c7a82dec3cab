//! What people do with their own account, and to get back into it.

use serde_json::json;

use super::run::{ANN, Run, WRONG_PASSWORD, asked};
use crate::harness::{Person, Request, Tokens};

const NEW_PASSWORD: &str = "copper lantern of Ånn, mended";
/// Who has the account once [`Run::own_account`] is done.
pub const MOVED: Person = Person { phone: "+46701740607", ..ANN };
const NOBODY: &str = "Nobody.Unmistakable@Example.com";

impl Run {
    /// Remembered devices, a sign-in by phone alone, a reset, and changes of password and phone.
    pub fn own_account(&mut self) {
        self.secret("new password", NEW_PASSWORD);
        self.secret("e-mail without an account", NOBODY);
        self.phone(MOVED.phone);
        self.remembered_device();
        self.phone_alone();
        self.reset();
        let tokens = self.signed_in(Person { password: NEW_PASSWORD, ..ANN });
        self.changes(&tokens);
    }

    fn remembered_device(&mut self) {
        let login = self.api().log_in(ANN);
        let challenge = self.challenge(&login);
        let proof = json!({"challenge_id": challenge, "code": self.code(ANN.phone), "remember_device": true});
        let remembered = self.post("/api/v1/auth/otp/verify", &proof).send().unwrap();
        self.tokens(&remembered);
        let with_device = |password: &str| {
            let device = remembered.at("/device_token");
            assert!(!device.is_empty(), "{remembered:?}");
            json!({"email": ANN.email, "password": password, "device_token": device})
        };
        let login = "/api/v1/auth/login";
        assert_eq!(self.post(login, &with_device(WRONG_PASSWORD)).send().unwrap().status, 401);
        let by_device = self.post(login, &with_device(ANN.password)).send().unwrap();
        let tokens = self.tokens(&by_device);
        let devices = self.get("/api/v1/me/devices");
        let listed = asked(&devices, &tokens.access, 200);
        let one =
            Request::delete(self.api().url(&format!("/api/v1/me/devices/{}", listed.at("/devices/0/id"))));
        asked(&one, &tokens.access, 204);
    }

    fn phone_alone(&mut self) {
        let start = self.post("/api/v1/auth/otp/start", &json!({"phone_number": ANN.phone}));
        let (started, code) = self.code_after(ANN.phone, &start);
        let challenge = self.challenge(&started);
        let verified = self.api().verify(&challenge, &code);
        self.tokens(&verified);
    }

    fn reset(&mut self) {
        let forgot = |email: &str| json!({ "email": email });
        let path = "/api/v1/auth/password/forgot";
        let unknown = self.post(path, &forgot(NOBODY)).send().unwrap();
        self.challenge(&unknown);
        let (known, code) = self.code_after(ANN.phone, &self.post(path, &forgot(ANN.email)));
        let challenge = self.challenge(&known);
        let wrong = if code == "918274" { "918275" } else { "918274" };
        self.secret("wrong code", wrong);
        for (code, status) in [(wrong, 401), (&code, 204), (&code, 410)] {
            let body = json!({"challenge_id": challenge, "code": code, "new_password": NEW_PASSWORD});
            let reply = self.post("/api/v1/auth/password/reset", &body).send().unwrap();
            assert_eq!(reply.status, status, "{reply:?}");
        }
    }

    fn changes(&mut self, tokens: &Tokens) {
        let bearer = tokens.access.as_str();
        for path in ["", "/export", "/events", "/sessions", "/devices"] {
            asked(&self.get(&format!("/api/v1/me{path}")), bearer, 200);
        }
        let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
        let path = "/api/v1/me/password";
        asked(&self.post(path, &change(WRONG_PASSWORD, ANN.password)), bearer, 403);
        asked(&self.post(path, &change(NEW_PASSWORD, ANN.password)), bearer, 204);

        let moved = json!({ "phone_number": MOVED.phone });
        let started = asked(&self.post("/api/v1/me/phone", &moved), bearer, 202);
        let challenge = self.challenge(&started);
        let code = self.code(MOVED.phone);
        let wrong = if code == "918276" { "918277" } else { "918276" };
        self.secret("wrong code", wrong);
        for (code, status) in [(wrong, 401), (code.as_str(), 200)] {
            let proof = json!({"challenge_id": challenge, "code": code});
            asked(&self.post("/api/v1/me/phone/verify", &proof), bearer, status);
        }

        let step_up = self.post("/api/v1/auth/step-up", &json!({ "password": ANN.password }));
        let started = asked(&step_up, bearer, 200);
        let challenge = self.challenge(&started);
        let code = self.code(MOVED.phone);
        let verified = self.api().verify(&challenge, &code);
        let tokens = self.tokens(&verified);
        let others = Request::delete(self.api().url("/api/v1/me/sessions"));
        asked(&others, &tokens.access, 204);
    }
}
